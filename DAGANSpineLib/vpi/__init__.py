"""A volume projection image (VPI) of a spine: read from any file, grey, upright, with its pixel size and lit body."""
