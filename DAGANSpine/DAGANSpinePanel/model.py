"""Which model restores: the bundled one or the user's own file, and what it says of itself."""

import textwrap
from pathlib import Path

import qt
from slicer.i18n import tr as _

from DAGANSpineLib.model import card as model_card
from DAGANSpinePanel.wrapping import wrappable

WIDTH = 120  # characters of a fact: a foreign file may say anything


class ModelChooser:
    """The panel's model: a field for the file, empty for the bundled one, and the card of what is chosen.

    `ui`: the panel's widgets. `onChosen`: called with the path that the user chose, "" for the bundled model.
    `trouble`: why the model shown can't be used, as a sentence; empty if it can.
    """

    def __init__(self, ui, onChosen):
        self._field, self._bundledButton, self._card = ui.modelPathLineEdit, ui.bundledModelButton, ui.modelCardLabel
        self._section = ui.advancedCollapsibleButton
        self._onChosen = onChosen
        self.trouble = ""
        for edit in self._field.findChildren(qt.QLineEdit):
            edit.placeholderText = _("Bundled model")
        self._field.currentPathChanged.connect(self.onFieldChanged)
        self._field.validInputChanged.connect(self.onFieldChanged)  # all that is heard of a field that was emptied
        self._bundledButton.clicked.connect(self.onBundledButton)

    def onFieldChanged(self, *_arguments):
        self._onChosen(self._field.currentPath)

    def onBundledButton(self):
        self._onChosen("")

    def show(self, path, enabled):
        """Show this choice and the file's card, read anew; a few milliseconds."""
        if self._field.currentPath != path:  # or the cursor would jump while somebody types
            self._field.currentPath = path
        self._field.enabled = enabled
        self._bundledButton.enabled = enabled and bool(path)
        file = Path(path) if path else model_card.BUNDLED
        former, self.trouble = self.trouble, ""
        try:
            said = describe(model_card.read_card(file), not path)
        except model_card.ModelError as error:
            # a whole path stands in the field already
            said = self.trouble = str(error).replace(str(file), file.name)
        self._card.text = wrappable(said)
        if self.trouble and self.trouble != former:
            self._section.collapsed = False  # why the button is grey can be seen


def describe(card, isBundled):
    """A model's card in a few lines."""
    facts = {name: textwrap.shorten(str(value), WIDTH, placeholder="…") for name, value in card.provenance.items()}
    name = _("Bundled model") if isBundled else card.name
    lines = [_("{name} (preset {preset})").format(name=name, preset=facts["preset"]) if "preset" in facts else name]
    if "data" in facts:
        lines.append(_("Trained on: {data}").format(data=facts["data"]))
    figures = []
    if "subjects" in facts:
        figures.append(_("{subjects} subjects learnt from").format(subjects=facts["subjects"]))
    if isinstance(card.provenance.get("validation dice"), (int, float)):
        figures.append(_("validation Dice {dice:.2f}").format(dice=card.provenance["validation dice"]))
    if "date" in facts:
        figures.append(facts["date"])
    if figures:
        lines.append(", ".join(figures))
    if len(lines) == 1:
        lines.append(_("How it was trained is not recorded."))
    return "\n".join([*lines, _("Research use, not for diagnosis.")])
