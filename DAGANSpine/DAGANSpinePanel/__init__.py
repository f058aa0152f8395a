"""The parts of the module that have an idea of their own; DAGANSpine.py puts them together."""
