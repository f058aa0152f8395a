"""From the scene to a clinic's own data set: a picture with the segments that a user has corrected, to train on."""

import os
import shlex
import subprocess
from pathlib import Path

import ctk
import slicer
from slicer.i18n import tr as _

from DAGANSpineLib import scene
from DAGANSpineLib.collection import LABELLED, TESTED, UNLABELLED, Collection, Kept, keep, take_back
from DAGANSpineLib.errors import UserError
from DAGANSpineLib.progress import Cancelled, unheard
from DAGANSpinePanel.background import inBackground
from DAGANSpinePanel.results import timesOf
from DAGANSpinePanel.wrapping import wrappable

SUBJECT = "DAGANSpineSubject"  # attribute of an image: the name under which it was kept


class Keeper:
    """The panel's section of training. `ui`: the panel's widgets; what pictures are kept as is bound to the parameter
    node by its name. `onFolderChosen`: called with the folder that the user chose, "" for none. `onKeep`: called when
    the button is clicked."""

    def __init__(self, ui, onFolderChosen, onKeep):
        self._ui, self._onFolderChosen = ui, onFolderChosen
        self._latest = ""  # folder: of one scene after another, each of another patient, the same
        self._image, self._typed = None, ""  # the image that is shown, and the name that a user has given it
        self._read = (), None, ""  # a state of a folder, its data set, why it has none
        self._edited = (), False  # a state of segments, whether somebody has changed them since the run
        ui.trainingPathLineEdit.filters = ctk.ctkPathLineEdit.Dirs
        ui.trainingPathLineEdit.currentPathChanged.connect(self.onFolderChanged)
        ui.trainingPathLineEdit.validInputChanged.connect(self.onFolderChanged)  # all that is heard of an emptied field
        ui.subjectLineEdit.textEdited.connect(self.onSubjectEdited)
        ui.keepButton.clicked.connect(onKeep)
        ui.copyCommandButton.clicked.connect(self.onCopyButton)

    def onFolderChanged(self, *_arguments):
        self._latest = self._ui.trainingPathLineEdit.currentPath
        self._onFolderChosen(self._latest)

    def onSubjectEdited(self, text):
        self._typed = text

    def onCopyButton(self, *_arguments):
        self._ui.trainingCommandEdit.selectAll()
        self._ui.trainingCommandEdit.copy()

    def show(self, parameters, image, enabled):
        """Show the data set, and whether this image can be kept in it; None without parameters, or an image."""
        ui, folder = self._ui, self.folderOf(parameters)
        if ui.trainingPathLineEdit.currentPath != folder:  # or the cursor would jump while somebody types
            blocked = ui.trainingPathLineEdit.blockSignals(True)  # a scene that is closed is no user who empties it
            ui.trainingPathLineEdit.currentPath = folder
            ui.trainingPathLineEdit.blockSignals(blocked)
        if image is not self._image:
            self._image, self._typed = image, ""
        collection, trouble = self.look(folder)
        self._name(collection)
        self._tell(collection, trouble, folder)
        use = parameters.keepAs.value if parameters is not None else LABELLED
        trouble = self._troubleWith(image, use, folder) or trouble
        for field in (ui.trainingPathLineEdit, ui.subjectLineEdit, ui.keepAsComboBox):
            field.enabled = enabled
        ui.keepButton.enabled = enabled and not trouble
        ui.keepButton.toolTip = trouble or _(
            "Add this picture to the data set: at its own size, under this name alone."
        )
        untouched = not trouble and use != UNLABELLED and not self._areEdited(image)
        ui.keepNotesLabel.visible = untouched
        ui.keepNotesLabel.text = asDrawn() if untouched else ""

    def folderOf(self, parameters):
        """The data set's folder: the scene's, or the one that was chosen last; "" for none."""
        return (parameters.trainingFolder or self._latest) if parameters is not None else ""

    def look(self, folder):
        """The data set in this folder, None for none, and why there is none; read anew when it has changed."""
        if not folder:
            return None, ""
        state = folder, *map(stateOf, (Path(folder), Path(folder) / "dataset.json"))
        if state != self._read[0]:
            try:
                self._read = state, Collection.read(Path(folder)), ""
            except UserError as error:
                self._read = state, None, str(error)
        return self._read[1:]

    def _name(self, collection):
        """The name that this image was kept under, or the next that nobody has, unless the user is giving it one."""
        if self._typed or self._image is None:
            return
        known = self._image.GetAttribute(SUBJECT)
        proposed = known or (collection.next_name() if collection is not None else "")
        if self._ui.subjectLineEdit.text != proposed:
            self._ui.subjectLineEdit.text = proposed

    def _tell(self, collection, trouble, folder):
        """Who is in the data set, and the command that trains on it."""
        ui = self._ui
        ui.keptLabel.text = wrappable(trouble or (countsOf(collection) if collection is not None else ""))
        ui.keptLabel.visible = bool(ui.keptLabel.text)
        trainable = collection is not None and bool(collection.subjects(LABELLED, UNLABELLED))
        ui.trainingCommandEdit.visible = ui.copyCommandButton.visible = trainable
        command = trainingCommand(folder) if trainable else ""
        if ui.trainingCommandEdit.toPlainText() != command:  # or what somebody has selected of it would not be any more
            ui.trainingCommandEdit.setPlainText(command)

    def _areEdited(self, image):
        """Whether the segments of this image are other ones than the run made; looked at when they have changed."""
        segmentation = scene.results_of(image)[1]
        state = image.GetID(), segmentation.GetID(), timesOf(segmentation)
        if state != self._edited[0]:
            self._edited = state, scene.was_edited(segmentation, image)
        return self._edited[1]

    def _troubleWith(self, image, use, folder):
        """Why this image can't be kept now; empty if it can, as far as that is seen without reading its pixels."""
        if image is None:
            return _("Choose an image first; a volume has to be restored and segmented once, which projects it.")
        if scene.trouble_with(image):
            return scene.trouble_with(image)
        if use != UNLABELLED and scene.results_of(image)[1] is None:
            return _(
                "There are no segments of this image yet: click Restore & Segment first, or keep it without labels."
            )
        return "" if folder else _("Choose a folder first.")

    def keep(self, parameters, image, progress=unheard, isCancelled=lambda: False):
        """Add this image to the data set, as the user has chosen; asks before a subject is replaced.

        progress: called with (fraction, message) in the main thread. Returns a sentence that says what was kept.
        Raises UserError with a sentence, Cancelled once isCancelled() is true or if the user doesn't want to replace.
        """
        folder = Path(self.folderOf(parameters))
        take_back(folder)
        collection = Collection.read(folder)
        subject = collection.spelled(self._ui.subjectLineEdit.text.strip())
        kept, notes = keptOf(image, subject, parameters.keepAs.value)
        former = image.GetAttribute(SUBJECT) or subject
        if collection.holds(subject) and not mayReplace(collection, subject):
            raise Cancelled
        if former != subject and collection.holds(former) and not mayRepeat(former, subject):
            raise Cancelled

        def work(report):
            def progressOf(fraction, message):
                if isCancelled():
                    raise Cancelled
                report(fraction, message)

            return keep(folder, kept, progressOf)

        collection = inBackground(work, progress)
        image.SetAttribute(SUBJECT, subject)
        self._typed = ""
        said = _("Kept as {subject} in {folder}.").format(subject=subject, folder=folder)
        return " ".join([said, countsOf(collection), *notes])


def stateOf(path):
    """What changes when a file or folder does; None for none."""
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return state.st_mtime_ns, state.st_size


def keptOf(image, subject, use):
    """An image as it is kept, and sentences on it. Raises UserError."""
    pixels, spacing = scene.pixels_of(image).round().astype("uint8"), scene.OneSlice.of(image).spacing
    known = {"spacing_mm": list(spacing)} if spacing is not None else {}
    if use == UNLABELLED:
        return Kept(subject, use, pixels, None, known), []
    segmentation = scene.results_of(image)[1]
    if segmentation is None:  # deleted a moment ago
        raise UserError(_("There are no segments of this image any more: click Restore & Segment first."))
    corrected = scene.corrected(segmentation, image)
    known["labels"] = {"drawn by": scene.model_of(segmentation), "corrected": corrected.edited}
    notes = []
    if corrected.shared:
        sentence = _("Of {count} pixels in several segments, the last one's name was taken.")
        notes.append(sentence.format(count=corrected.shared))
    return Kept(subject, use, pixels, corrected.labels, known), notes


def mayReplace(collection, subject):
    """Whether the user agrees to replace a subject that is kept already."""
    text = _("{subject} is already in {folder}. Replace its picture and its labels?")
    return slicer.util.confirmOkCancelDisplay(
        text.format(subject=subject, folder=collection.folder), windowTitle="DAGANSpine"
    )


def mayRepeat(former, subject):
    """Whether the user wants a picture to be in the data set under two names."""
    text = _(
        "This picture is in the data set already, as {former}. Keep it as {subject}, too? Nobody should be learnt from "
        "and tested on."
    )
    return slicer.util.confirmOkCancelDisplay(text.format(former=former, subject=subject), windowTitle="DAGANSpine")


def asDrawn():
    """What to know before segments are kept that nobody has changed."""
    return _(
        "The segments are as the model drew them. Correct them first, with Segment Editor: what is kept is learnt as "
        "the truth."
    )


def countsOf(collection):
    """Who is in a data set."""
    return _(
        "Subjects in the data set: {all}. To learn from: {learnt}, to test on: {tested}, without labels: {unlabelled}."
    ).format(
        all=len(collection.subjects()),
        learnt=len(collection.subjects(LABELLED)),
        tested=len(collection.subjects(TESTED)),
        unlabelled=len(collection.subjects(UNLABELLED)),
    )


def trainingCommand(folder):
    """The command that trains on this data set, from the bundled model on, for this system's terminal."""
    data = Path(os.path.abspath(folder))
    runs = (data.with_name(f"{data.name}-model{number}") for number in ("", *(f"-{each}" for each in range(2, 1000))))
    run = next(path for path in runs if not os.path.exists(path))
    arguments = ["daganspine", "train", "--data", str(data), "-o", str(run), "--from", "bundled"]
    return subprocess.list2cmdline(arguments) if os.name == "nt" else shlex.join(arguments)
