"""From a voxel volume to its VPI: which way it lies, its skin, the slab under it, a preview."""
