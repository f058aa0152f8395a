"""Training: data sets, patches, losses, methods and the loop that drives them. Needs the extra `train`."""

from ..doors import on_demand

__getattr__ = on_demand(
    __name__,
    {
        "checking": ("check", "lacking"),
        "dataset": (
            "Dataset",
            "DatasetError",
            "Record",
            "Sample",
            "listed",
            "load",
            "open_dataset",
            "refuse",
            "refuse_unmeasurable",
        ),
        "descent": (
            "NETWORKS",
            "Ancestor",
        ),
        "gathering": ("Aid",),
        "health": ("TrainingError",),
        "losses": ("segmentation_loss", "within_grey"),
        "method": (
            "Batch",
            "LabelledBatch",
            "Method",
            "adam",
            "frozen",
        ),
        "presets": (
            "PRESETS",
            "RESTORATION_ALONE",
            "Preset",
        ),
        "run": (
            "RunError",
            "RunFolder",
            "as_json",
            "changed_settings",
        ),
        "segmentation": ("Segmentation",),
        "stages": (
            "AdversarialStage",
            "PatchSegmentationStage",
            "PatchStage",
            "Prepared",
            "SegmentationStage",
            "Setting",
            "Stage",
            "restoring",
        ),
        "trainer": (
            "configuration_of",
            "train",
        ),
        "validation": (
            "DICE",
            "RESTORATION",
            "Validation",
        ),
        "windows": ("WindowBatch",),
    },
)
