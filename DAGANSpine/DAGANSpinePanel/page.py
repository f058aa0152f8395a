"""The report: one page of pictures, figures and warnings, to print or to mail."""

import html
import math

import numpy as np
import qt
from slicer.i18n import tr as _

from DAGANSpineLib import metrics
from DAGANSpineLib.report import BRIGHTENED, DARKENED, FILLED, overlay, residual, with_lines
from DAGANSpineLib.segments import SEGMENTS
from DAGANSpinePanel.results import restorationRows, segmentRows

WIDTH, HEIGHT, MARGIN = 1240, 1754, 70  # pixels: A4 at 150 dots per inch
GAP = 20  # pixels between the pictures
TALLEST, LOWEST = 1080, 700  # pixels: a picture's height, so that all the figures stay on the page
LETTER = 1.6  # pixels of the page: a letter's dots in the pictures, which are seven high
FONT = 20  # pixels
STYLE = """
h1 { font-size: 34px; }
td, th { padding: 3px 22px 3px 0; }
th { text-align: left; }
.note { background-color: #fff3cd; color: #5c4400; }
.caption { font-size: 18px; color: #404040; }
"""


def picturesOf(pixels, restored, labels, spine=None):
    """The page's pictures by their names, uint8 (rows, columns, 3); may be made in a thread.

    All (rows, columns): grey 0 to 255, labels 0 to 3. spine: whose lines are drawn, None if none is known.
    """
    segmented = overlay(restored, labels)
    if spine is not None:
        segmented = with_lines(segmented, spine, math.ceil(LETTER * len(pixels) / TALLEST))
    return {
        "original": np.repeat(pixels.round().astype(np.uint8)[..., np.newaxis], 3, axis=2),
        "restored": segmented,
        "removed": residual(pixels, restored),
    }


def draw(path, facts, pictures, found, told=lambda: None, curves=(None, ())):
    """Draw the page and write it to `path`, a PNG, in whose folder the pictures lie meanwhile.

    facts: pairs of texts that say whence the results come. pictures: as `picturesOf` makes them. found: the findings.
    told: called between the parts of the work, a fifth of a second each. curves: a table, None without any, and
    sentences. Returns whether the page could be written.
    """
    files = {name: path.with_name(f".{name}.png") for name in pictures}
    tallest = TALLEST
    for _try in range(2):
        for name, picture in pictures.items():
            scaled(picture, tallest).save(str(files[name]))
            told()
        document = typeset(contents(facts, files, found, curves))
        surplus = math.ceil(document.size.height()) - HEIGHT
        if surplus <= 0:
            break
        tallest = max(tallest - surplus, LOWEST)
    page = qt.QImage(WIDTH, max(HEIGHT, math.ceil(document.size.height())), qt.QImage.Format_RGB32)
    page.fill(qt.Qt.white)
    painter = qt.QPainter()
    painter.begin(page)
    document.drawContents(painter)
    painter.end()
    told()
    for file in files.values():
        file.unlink()
    return page.save(str(path))


def typeset(text):
    """Rich text as wide as the page: a QTextDocument."""
    font = qt.QFont()
    font.setPixelSize(FONT)
    document = qt.QTextDocument()
    document.defaultFont = font
    document.documentMargin = MARGIN
    document.textWidth = WIDTH
    document.defaultStyleSheet = STYLE
    document.setHtml(text)
    return document


def scaled(picture, tallest):
    """As large as three of its kind fit side by side, and no taller: a QImage."""
    rows, columns, _colours = picture.shape
    image = qt.QImage()
    image.loadFromData(qt.QByteArray(b"P6 %d %d 255\n" % (columns, rows) + picture.tobytes()), "PPM")
    width = (WIDTH - 2 * MARGIN - 2 * GAP) // 3
    return image.scaled(width, tallest, qt.Qt.KeepAspectRatio, qt.Qt.SmoothTransformation)


def contents(facts, files, found, curves=(None, ())):
    """The page as rich text. files: of the pictures."""
    measured, sentences = curves
    spine = (table(*measured) if measured else "") + "".join(f"<p>{escaped(sentence)}</p>" for sentence in sentences)
    origin = "".join(f"<tr><th>{escaped(name)}</th><td>{escaped(text)}</td></tr>" for name, text in facts)
    # Slicer's tools find no text within an f-string
    title = escaped(_("VPI of the spine, restored and segmented"))
    purpose = escaped(_("Research use, not for diagnosis."))
    captions = {
        "original": escaped(_("Original")),
        "restored": legend(_("Restored"), bones()),
        "removed": legend(_("Removed from the original"), changes()),
    }
    cells = "".join(
        f'<td width="33%"><img src="{files[name].as_uri()}"><br><span class="caption">{caption}</span></td>'
        for name, caption in captions.items()
    )
    notes = "".join(f'<p class="note">{escaped(warning)}</p>' for warning in found["warnings"])
    return (
        f'<h1>{title}</h1><p class="note"><b>{purpose}</b></p>'
        f"<table>{origin}</table><p></p>{spine}"
        f'<table width="100%"><tr>{cells}</tr></table><p></p>'
        f'<table width="100%"><tr><td width="45%">{table(*segmentRows(found))}</td>'
        f'<td>{table(*restorationRows(found))}</td></tr></table><p class="caption">{escaped(patches())}</p>{notes}'
    )


def patches():
    """What the figures of the restoration mean."""
    return _(
        "g is the mean vertical variation of a patch of {size} × {size} pixels; from {corrupted:.0f} on the patch "
        "counts as torn by structured noise, up to {clean:.0f} as clean. Changes are in grey levels, 0 to 255."
    ).format(size=metrics.PATCH, corrupted=metrics.CORRUPTED, clean=metrics.CLEAN)


def table(header, rows):
    head = "".join(f"<th>{escaped(text)}</th>" for text in header)
    body = "".join("<tr>" + "".join(f"<td>{escaped(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def bones():
    """Names and colours of the segments."""
    names = _("rib"), _("thoracic"), _("lumbar")
    return {name: segment.colour for name, segment in zip(names, SEGMENTS, strict=True)}


def changes():
    """Names and colours of what restoration did."""
    return {_("darkened"): DARKENED, _("brightened"): BRIGHTENED, _("not seen, filled in"): FILLED}


def legend(caption, meanings):
    """A caption, and names after squares of their colours."""
    names = (
        f'<span style="color: {hexadecimal(colour)}">■</span>&nbsp;{escaped(name)}' for name, colour in meanings.items()
    )
    return f"{escaped(caption)}: {', '.join(names)}"


def hexadecimal(colour):
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


def escaped(text):
    return html.escape(str(text))
