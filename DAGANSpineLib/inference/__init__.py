"""From pixels to results: the pipeline (restore, then segment), devices, one file, many files."""

from ..doors import on_demand

__getattr__ = on_demand(
    __name__,
    {
        "crew": ("Crew",),
        "devices": (
            "DEVICES",
            "PRECISIONS",
            "choose_device",
            "choose_precision",
            "keep_freed_memory",
            "name_of_device",
            "survey",
        ),
        "labelling": (
            "FAVOUR",
            "labels_of",
        ),
        "pipeline": (
            "Pipeline",
            "Result",
        ),
        "one_file": (
            "name_of",
            "segment_file",
        ),
        "many_files": (
            "SUMMARY",
            "Outcome",
            "find_images",
            "segment_files",
        ),
    },
)
