"""From pixels to results: the pipeline (restore, then segment), devices, one file, many files."""
