"""The curves: a table that follows the lines in the views, how far to trust it, and what to do about it."""

import slicer
from slicer.i18n import tr as _

from DAGANSpineLib import scene
from DAGANSpineLib.report import short_name
from DAGANSpineLib.spine import SMALLEST
from DAGANSpinePanel.results import fill, prepare, timesOf
from DAGANSpinePanel.wrapping import wrappable


class CurvesViewer:
    """The panel's section of the curves. `ui`: the panel's widgets. `onMeasure`: called when the segments are to be
    measured again."""

    def __init__(self, ui, onMeasure):
        self._ui = ui
        self._volume = self._segmentation = None
        self._observed = []  # lines, with the tags of their observers
        self._outdated = None, False  # the state of which it is known whether the curves are outdated
        prepare(ui.curvesTable)
        self._enabled, self._drawn, self._levels, self._unseen = False, None, [], set()
        ui.automaticButton.clicked.connect(self.onAutomaticButton)
        ui.addCurveButton.clicked.connect(self.onAddCurveButton)
        for box in self._ends():
            box.currentIndexChanged.connect(self.showAddable)
        ui.measureButton.clicked.connect(onMeasure)

    def show(self, volume, enabled):
        """Show the curves of this image, None for none, and follow the lines that the user drags."""
        self.release()
        self._volume = volume if volume is not None and not scene.trouble_with(volume) else None
        self._segmentation = scene.results_of(volume)[1] if self._volume is not None else None
        for line in scene.lines_of(self._segmentation):
            self._observed.append((line, line.AddObserver(line.PointModifiedEvent, self.refresh)))
        self._enabled = enabled
        self.refresh()
        self._ui.measureButton.enabled = enabled and self.isOutdated()

    def release(self):
        """Follow no line any more."""
        for line, tag in self._observed:
            line.RemoveObserver(tag)
        self._observed = []

    def refresh(self, caller=None, event=None):
        """Say what is known now."""
        ui, spine = self._ui, None
        if self._segmentation is not None and slicer.mrmlScene.IsNodePresent(self._segmentation):
            spine = scene.drawn_spine_of(self._segmentation, self._volume)
        if spine is not None:
            scene.follow_lines(self._segmentation, self._volume, spine)
        ui.curvesTable.visible = bool(spine and spine.curves)
        if spine and spine.curves:
            fill(ui.curvesTable, *curveRows(spine, self._volume))
        sayings = sayingsOf(spine) if self._segmentation is not None else ""
        if spine and spine.curves:
            sayings += " " + _("To measure by hand, drag the ends of the white lines in the views.")
        ui.curvesLabel.visible = bool(sayings)
        ui.curvesLabel.text = wrappable(sayings)
        notes = notesOf(spine, self.isOutdated()) if spine else []
        ui.curveNotesLabel.visible = bool(notes)
        ui.curveNotesLabel.text = wrappable("\n".join(notes))
        ui.automaticButton.visible = ui.measureButton.visible = self._segmentation is not None
        automatic = self._segmentation is None or scene.is_automatic(self._segmentation)
        ui.automaticButton.enabled = self._enabled and not automatic
        self._drawn, kept = spine, scene.spine_of(self._segmentation) if spine is not None else None
        rows = scene.OneSlice.of(self._volume).size[0] if kept else 0
        self.offerLevels(kept.every_level(rows) if kept and kept.curves is not None else [])

    def isOutdated(self):
        """Whether the segments, or the pixel size, are other ones than those that were measured."""
        if self._segmentation is None:
            return False
        spine = scene.spine_of(self._segmentation)
        state = self._segmentation.GetID(), timesOf(self._segmentation), id(spine), scene.OneSlice.of(self._volume)
        if self._outdated[0] != state:
            self._outdated = state, scene.is_outdated(self._segmentation, self._volume)
        return self._outdated[1]

    def onAutomaticButton(self, *_arguments):
        scene.reset_lines(self._segmentation, self._volume)
        self.refresh()

    def onAddCurveButton(self, *_arguments):
        scene.add_curve(self._segmentation, self._volume, *self._chosen())
        self.refresh()

    def _ends(self):
        """The boxes of the levels at which a curve is to be added."""
        return self._ui.upperLevelComboBox, self._ui.lowerLevelComboBox

    def _chosen(self):
        """The names of the levels that are chosen there."""
        return [self._levels[box.currentIndex] for box in self._ends() if 0 <= box.currentIndex < len(self._levels)]

    def offerLevels(self, levels):
        """Offer these levels, from head to foot, as ends of a curve that is to be added."""
        names, self._unseen = [level.name for level in levels], {each.name for each in levels if each.without_bones}
        if names != self._levels:
            seen = [place for place, name in enumerate(names) if name not in self._unseen] or [0]
            chosen, self._levels = self._chosen() or (None, None), names
            for box, former, place in zip(self._ends(), chosen, (seen[0], seen[-1]), strict=True):
                box.blockSignals(True)
                box.clear()
                box.addItems([short_name(name) for name in names])
                box.currentIndex = names.index(former) if former in names else place
                box.blockSignals(False)
        self._ui.addCurveFrame.visible = bool(names)
        self.showAddable()

    def showAddable(self, *_arguments):
        """Let the button be clicked where there is a curve to add, and say why not elsewhere."""
        chosen = self._chosen()
        trouble = _("Choose two different vertebrae.") if len({*chosen}) < 2 else ""
        if self._drawn is not None and any(
            {*chosen} == {curve.upper, curve.lower} for curve in self._drawn.curves or ()
        ):
            trouble = _("This curve is in the table already.")
        for line in scene.lines_of(self._segmentation):
            if scene.is_moved(line) and scene.level_of(line) in chosen:
                trouble = _(
                    "The line of {level} was dragged elsewhere: choose another vertebra, or go back to automatic."
                )
                trouble = trouble.format(level=scene.level_of(line))
        self._ui.addCurveButton.enabled = self._enabled and not trouble
        said = _("Measure the curve between these two vertebrae as well, by lines that can be dragged.")
        for name in dict.fromkeys(chosen):
            if name in self._unseen:
                unseen = _("Of {level} no bone was found: drag its line to where you see it.")
                said += " " + unseen.format(level=name)
        self._ui.addCurveButton.toolTip = trouble or said


def notesOf(spine, isOutdated):
    """What to know before trusting the curves: sentences."""
    changed = _("The segments or the pixel size were changed since: click Measure again.")
    return [*spine.notes, *([changed] if isOutdated else [])]


def sayingsOf(spine):
    """What is said below the table."""
    if spine is None:
        return _("The curves of these results are not known: click Measure again.")
    plausibility = _("Plausibility of the bones found as one spine: {plausibility:.2f} of 1.")
    said = plausibility.format(plausibility=spine.plausibility)
    if spine.curves == ():
        said = _("No curve of {smallest:.0f}° or more.").format(smallest=SMALLEST) + " " + said
    if any(round(curve.spa_deg) < 0 for curve in spine.curves or ()):
        said += " " + _("A negative SPA: between these vertebrae the midline bends to the other side.")
    return said


def curveRows(spine, volume):
    """The table of the curves: its header, and a row of texts for each curve."""
    side, rows = scene.patients_right_is(volume), []
    for curve in spine.curves:
        levels = _("{upper} – {lower}, apex {apex}").format(upper=curve.upper, lower=curve.lower, apex=curve.apex)
        described = f"{levels}, {convexity(curve, side)}; {curve.how_certain}"
        if not spine.names_are_certain:
            described += "; " + _("names uncertain")
        rows.append([described, f"{curve.uca_deg:.0f}°", f"{round(curve.spa_deg)}°"])
    return [_("Curve"), _("UCA"), _("SPA")], rows


def convexity(curve, side):
    """To which side of the picture a curve is convex, and of the patient if that is known; side: of the picture, where
    the patient's right is, or None."""
    patients = None if side is None else "right" if curve.convex == side else "left"
    return {
        ("left", None): _("convex to the picture's left"),
        ("right", None): _("convex to the picture's right"),
        ("left", "left"): _("convex to the picture's left, the patient's left"),
        ("left", "right"): _("convex to the picture's left, the patient's right"),
        ("right", "left"): _("convex to the picture's right, the patient's left"),
        ("right", "right"): _("convex to the picture's right, the patient's right"),
    }[curve.convex, patients]
