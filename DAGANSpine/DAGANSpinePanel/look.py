"""The panel's section of the views: the button that shows them, and how they look."""

from dataclasses import dataclass

from slicer.i18n import tr as _

from DAGANSpineLib import scene
from DAGANSpineLib.report import BRIGHTENED, DARKENED, FILLED, FULL_CHANGE
from DAGANSpinePanel.views import Views

CHOICES = (
    "showButton", "swapButton", "resetViewsButton", "segmentOpacitySlider", "fadeSlider", "showLinesCheckBox",
    "showRemovedCheckBox",
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """What the user has chosen of the views. segmentOpacity, fade: 0 to 1; a fade of 1 is the original."""

    swapped: bool = False
    segmentOpacity: float = 1.0
    fade: float = 0.0
    showRemoved: bool = False
    showLines: bool = True

    @classmethod
    def of(cls, parameters):
        shares = parameters.segmentOpacity / 100, parameters.fade / 100
        return cls(parameters.swapped, *shares, parameters.showRemoved, parameters.showLines)


class ViewChooser:
    """The panel's section of the views: the button that shows them, and how they look.

    `ui`: the panel's widgets; those that hold a choice are bound to the parameter node by their names.
    """

    def __init__(self, ui):
        self._ui = ui
        self._views = Views()
        self._look = None  # as it was when it was last followed
        self._volume = None  # the chosen image
        self._results = None  # it, restored volume, segmentation; None if any is missing
        self._shown = None  # of both, what the views were last filled with
        ui.showButton.clicked.connect(self.show)
        ui.resetViewsButton.clicked.connect(self.reset)
        ui.removedLegendLabel.text = legend()

    def follow(self, parameters, volume, running, entered):
        """Bring the widgets into the state that the results of this volume and the run allow, and the views into the
        look that the user chose. parameters, volume: None if there are none."""
        results = (volume, *scene.results_of(volume)) if volume is not None else (None,)
        self._volume, self._results = volume, None if None in results else results
        self.enable(self._results is not None and not running)
        formerLook, self._look = self._look, Look.of(parameters) if parameters is not None else None
        self._ui.removedLegendLabel.visible = bool(self._look and self._look.showRemoved)
        if parameters is None or not entered or running:
            return
        if self._views.isShown and (self._volume, self._results) != self._shown:
            self.showImage()
        elif self._views.isComparing:
            self._views.lookAtCompared(self._look)
        elif self._results is not None and formerLook not in (None, self._look):
            # what the user has just chosen can be seen, what a loaded scene brings stays in the panel
            if self._views.shownTags == (self._views.ORIGINAL, self._views.RESTORED):
                self._views.apply(*self._results, self._look)
            else:
                self.show()
        elif self._results is not None and self._views.shownTags == (self._views.ORIGINAL, self._views.RESTORED):
            self._views.showLines(self._results[2] if self._look.showLines else None)  # some may be new

    def enable(self, enabled):
        for name in CHOICES:
            getattr(self._ui, name).enabled = enabled
        self._ui.showButton.toolTip = (
            _("Original on the left, restored image with the segments on the right.")
            if enabled
            else _("There are no results of this image yet.")
        )

    def show(self, *_arguments):
        """Show the results of the chosen image as the user likes them."""
        self._shown = self._volume, self._results
        self._views.show(*self._results, self._look)

    @property
    def isComparing(self):
        """Whether the views show what two models made of the chosen image."""
        return self._views.isComparing

    def compare(self, models):
        """Show what two models made of the chosen image; models: as for `Views.showCompared`."""
        self._shown = self._volume, self._results
        self._views.showCompared(self._volume, models, self._look)

    def reset(self, *_arguments):
        """Zoom, window and level as at first, in the views, which are shown if they are not."""
        self.show()
        self._views.reset()

    def showImage(self):
        """Show the chosen image with its results, or alone; a volume stays in Slicer's own views."""
        if self._results is not None:
            self.show()
        elif self._volume is not None and not scene.trouble_with(self._volume):
            self._shown = self._volume, None
            self._views.showAlone(self._volume)
        else:
            self.leave()

    def leave(self):
        self._shown = None
        self._views.leave()


def legend():
    """What the colours of the removed mean, as rich text."""
    text = _(
        "{darkened} darkened, {brightened} brightened, full colour from {levels} grey levels on; "
        "{filled} not seen, filled in"
    )
    squares = (
        '<span style="color: rgb({}, {}, {})">■</span>'.format(*(round(255 * part) for part in colour))
        for colour in (DARKENED, BRIGHTENED, FILLED)
    )
    return text.format(**dict(zip(("darkened", "brightened", "filled"), squares, strict=True)), levels=FULL_CHANGE)
