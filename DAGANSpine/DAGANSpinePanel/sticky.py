"""A bar that stays in sight, however far the sections around it are scrolled."""

import qt


class StickyBar(qt.QObject):
    """Keeps a bar at its place among the sections; where that is scrolled out of sight, at the border next to it.

    `bar`: a widget with a layout. `place`: an empty widget that holds its place. `area`: the scroll
    area around the place, without a frame.
    """

    bar = place = area = None

    def __init__(self, bar, place, area):
        qt.QObject.__init__(self)
        self.bar, self.place, self.area = bar, place, area
        bar.setParent(area.viewport())
        for widget in (bar, place, area.widget(), area.viewport()):
            widget.installEventFilter(self)
        bar.show()
        self.settle()

    def eventFilter(self, watched, event):
        if event.type() in (qt.QEvent.Resize, qt.QEvent.Move, qt.QEvent.LayoutRequest):
            self.settle()
        return False

    def settle(self):
        """Where the bar belongs now."""
        # without any text in it, the bar knows no height for its width
        height = max(self.bar.heightForWidth(self.place.width), self.bar.layout().minimumSize().height())
        natural = self.place.mapTo(self.area.viewport(), qt.QPoint(0, 0))
        self.place.setFixedHeight(height)
        lowest = self.area.height - height
        self.bar.setGeometry(natural.x(), max(0, min(natural.y(), lowest)), self.place.width, height)
