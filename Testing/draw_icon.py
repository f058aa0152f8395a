"""Draw the module's icon: `python Testing/draw_icon.py` writes DAGANSpine/Resources/Icons/DAGANSpine.png."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QLinearGradient, QPainter, QPainterPath, QPen

ICON = Path(__file__).resolve().parents[1] / "DAGANSpine" / "Resources" / "Icons" / "DAGANSpine.png"
SIZE = 128  # pixels, as Slicer's extension index asks
RIB, THORACIC, LUMBAR = QColor(230, 60, 50), QColor(70, 200, 80), QColor(60, 110, 235)
MIDDLE = SIZE / 2
THORACIC_ROWS, LUMBAR_ROWS = (24, 42, 60), (80, 97, 113)


def bend(row: float) -> float:
    """Where the midline runs in this row: a mild double curve."""
    return MIDDLE + 5 * (1 if row < MIDDLE else -1) * (1 - abs(row % MIDDLE - 32) / 32)


def draw(painter: QPainter) -> None:
    painter.setRenderHint(QPainter.Antialiasing)
    painter.setPen(Qt.NoPen)
    painter.setBrush(QColor(22, 24, 30))
    painter.drawRoundedRect(QRectF(0, 0, SIZE, SIZE), 20, 20)
    body = QLinearGradient(14, 0, SIZE - 14, 0)
    for place, grey in ((0, 140), (0.3, 225), (0.5, 120), (0.7, 225), (1, 140)):
        body.setColorAt(place, QColor(grey, grey, grey))
    painter.setBrush(body)
    painter.drawRoundedRect(QRectF(14, 6, SIZE - 28, SIZE - 12), 12, 12)
    for row in THORACIC_ROWS:
        for side in (-1, 1):
            blob = QPointF(bend(row) + 19 * side, row)
            painter.setPen(QPen(RIB, 7, Qt.SolidLine, Qt.RoundCap))
            painter.drawLine(blob, QPointF(MIDDLE + 44 * side, row + 7))
            painter.setPen(Qt.NoPen)
            painter.setBrush(THORACIC)
            painter.drawEllipse(blob, 7, 7)
    painter.setBrush(LUMBAR)
    for row in LUMBAR_ROWS:
        bat = QPainterPath(QPointF(bend(row), row - 8))
        bat.quadTo(bend(row) + 16, row - 4, bend(row) + 32, row + 5)
        bat.quadTo(bend(row), row + 4, bend(row) - 32, row + 5)
        bat.quadTo(bend(row) - 16, row - 4, bend(row), row - 8)
        painter.drawPath(bat)
    midline = QPainterPath(QPointF(bend(10), 10))
    for row in range(12, SIZE - 8, 2):
        midline.lineTo(bend(row), row)
    painter.setBrush(Qt.NoBrush)
    painter.setPen(QPen(QColor(20, 20, 24, 190), 5, Qt.SolidLine, Qt.RoundCap, Qt.RoundJoin))
    painter.drawPath(midline)


def main() -> None:
    application = QGuiApplication([])
    image = QImage(SIZE, SIZE, QImage.Format_ARGB32)
    image.fill(Qt.transparent)
    painter = QPainter(image)
    draw(painter)
    painter.end()
    ICON.parent.mkdir(parents=True, exist_ok=True)
    image.save(str(ICON))
    application.quit()


if __name__ == "__main__":
    main()
