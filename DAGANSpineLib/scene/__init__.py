"""MRML nodes to arrays and back: the one room that imports slicer."""
