"""The results of an image, in words."""

from slicer.i18n import tr as _

from DAGANSpineLib import scene


def describe(restoredVolume, segmentation, warnings):
    """A line each for the nodes that are there, for the model that made them, and for what to know about them."""
    lines = []
    if restoredVolume is not None:
        lines.append(_("Restored image: {name}").format(name=restoredVolume.GetName()))
    if segmentation is not None:
        lines.append(_("Segmentation: {name}").format(name=segmentation.GetName()))
    if not lines:
        return _("None yet.")
    model = scene.model_of(restoredVolume or segmentation)
    if model:
        lines.append(_("Model: {model}").format(model=model))
    return "\n".join(lines + warnings)
