"""Two models on one image: side by side, in figures, and how far they agree."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import qt
from slicer.i18n import tr as _

from DAGANSpineLib import scene
from DAGANSpineLib.metrics import Agreement
from DAGANSpineLib.model import card as model_card
from DAGANSpinePanel.curves import curveRows, sayingsOf
from DAGANSpinePanel.results import ABSENT, fill, number, prepare, restorationRows, segmentRows
from DAGANSpinePanel.wrapping import wrappable

LETTERS = "A", "B"


@dataclass(frozen=True)
class Comparison:
    """What two models made of an image: its node's ID, the models' names for people, and for each a `logic.Made`."""

    imageID: str
    names: tuple
    made: tuple

    def rows(self):
        """The table: its header, and a row of texts for each figure."""
        (header, first), (_header, second) = (segmentRows(made.findings) for made in self.made)
        dice = Agreement.of(*(made.labels for made in self.made)).scores()["dice"]
        rows = [
            [f"{one[0]}: {header[-1]}", one[-1], other[-1], ABSENT if np.isnan(value) else f"{value:.2f}"]
            for one, other, value in zip(first, second, dice, strict=True)
        ]
        before = self.made[0].findings
        torn, largest = before["corrupted patches"], before["largest g"]
        figures = (
            _("Patches torn by noise that are left, of {before}").format(before=torn["before"]),
            _("Strongest noise in a patch (g), {before} before").format(before=number(largest["before"])),
            _("Mean change of clean patches, in grey levels (0 to 255)"),
        )
        left, other = (restorationRows(made.findings)[1] for made in self.made)
        rows += [[name, one[-1], another[-1], ""] for name, one, another in zip(figures, left, other, strict=True)]
        return ["", *LETTERS, _("Dice")], rows

    @property
    def models(self):
        """What the views show of each model, as `Views.showCompared` takes it."""
        each = zip(self.names, self.made, strict=True)
        return [(name, made.restored, made.labels, made.spine) for name, made in each]

    def sayings(self, image):
        """Which model is A and which B, and the curves that each has found."""
        return "\n".join(
            f"{letter}: {name}. {curvesOf(made.spine, image)}"
            for letter, name, made in zip(LETTERS, self.names, self.made, strict=True)
        )


def curvesOf(spine, image):
    """The curves of a spine in a sentence or more."""
    if not spine.curves:
        return " ".join([sayingsOf(spine), *spine.notes])
    header, rows = curveRows(spine, image)
    return "; ".join(f"{curve}: {header[1]} {uca}, {header[2]} {spa}" for curve, uca, spa in rows) + "."


class Comparer:
    """The panel's section of comparison. `ui`: the panel's widgets. `onChosen`: called with the path of the model to
    compare with, "" for the bundled one. `onCompare`, `onClose`: called when the buttons are clicked."""

    def __init__(self, ui, onChosen, onCompare, onClose):
        self._ui, self._onChosen = ui, onChosen
        self._found = None  # the latest comparison
        for edit in ui.comparedPathLineEdit.findChildren(qt.QLineEdit):
            edit.placeholderText = _("Bundled model")
        prepare(ui.comparisonTable)
        ui.comparedPathLineEdit.currentPathChanged.connect(self.onFieldChanged)
        ui.comparedPathLineEdit.validInputChanged.connect(self.onFieldChanged)  # all that an emptied field says
        ui.compareButton.clicked.connect(onCompare)
        ui.closeComparisonButton.clicked.connect(onClose)

    def onFieldChanged(self, *_arguments):
        self._onChosen(self._ui.comparedPathLineEdit.currentPath)

    def show(self, paths, image, trouble, enabled, compared):
        """Show whether two models can be compared, and what came of it.

        paths: of both models, "" for the bundled one. image: the chosen one, None for none. trouble: why the chosen
        model can't be used, empty if it can. compared: whether the views show a comparison.
        """
        ui = self._ui
        if ui.comparedPathLineEdit.currentPath != paths[1]:  # or the cursor would jump while somebody types
            ui.comparedPathLineEdit.currentPath = paths[1]
        ui.comparedPathLineEdit.enabled = enabled
        trouble = trouble or troubleWith(paths, image)
        ui.compareButton.enabled = enabled and not trouble
        ui.compareButton.toolTip = trouble or _(
            "Let both models restore and segment the chosen image, and show what they make of it side by side. The "
            "results in the scene stay as they are."
        )
        ui.closeComparisonButton.enabled = enabled and compared
        found = self._found if image is not None and self._found and self._found.imageID == image.GetID() else None
        ui.comparisonLabel.visible = ui.comparisonTable.visible = found is not None
        ui.comparisonLabel.text = wrappable(found.sayings(image)) if found is not None else ""

    def take(self, comparison):
        """Let this be the comparison that is shown."""
        self._found = comparison
        fill(self._ui.comparisonTable, *comparison.rows())


def troubleWith(paths, image):
    """Why these models can't be compared on this image; empty if they can."""
    if image is None:
        return _("Choose an image first; a volume has to be restored and segmented once, which projects it.")
    if scene.trouble_with(image):
        return scene.trouble_with(image)
    files = [Path(path) if path else model_card.BUNDLED for path in paths]
    try:
        model_card.read_card(files[1])
        same = files[0].resolve() == files[1].resolve()
    except (model_card.ModelError, OSError) as error:
        return str(error)
    if same:
        return _("Both models are the same: choose another one here, or under Advanced.")
    return ""


def nameOf(path):
    """A model as people tell it from others: a run's folder says more than best.pt."""
    return f"{Path(path).parent.name}/{Path(path).name}" if path else _("Bundled model")
