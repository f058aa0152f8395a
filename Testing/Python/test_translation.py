"""Every text for people can be translated, and every widget that they touch explains itself."""

import ast
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "DAGANSpine"
SOURCES = [MODULE / "DAGANSpine.py", *sorted((MODULE / "DAGANSpinePanel").glob("*.py"))]
TRANSLATORS = {"_": 0, "tr": 0, "translate": 1}  # by name: which argument is the text
SLICERS = {"Binary labelmap"}  # Slicer's own names of things


def translated(tree):
    """The calls of translators in a module, with their texts."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in TRANSLATORS:
            yield call, call.args[TRANSLATORS[call.func.id]]


def not_shown(tree):
    """The nodes below which no text is for people."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) if name.endswith("Test"):
                yield node
            case ast.Expr(value=ast.Constant()):  # a docstring
                yield node
            case ast.Call(func=ast.Attribute(value=ast.Name(id="logging"))):
                yield node
            case ast.Assign(targets=[ast.Attribute(attr="contributors")]):
                yield node
            case ast.Subscript(slice=key) | ast.Call(func=ast.Attribute(attr="get"), args=[key, *_]):
                yield key
    yield from (call for call, _ in translated(tree))


def words_outside(tree):
    """Texts of two words or more that nobody could translate, with their lines."""
    hidden = {id(below) for node in not_shown(tree) for below in ast.walk(node)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if id(node) not in hidden and isinstance(text, str) and text not in SLICERS and words_in(text):
            yield f"{node.lineno}: {text}"


def words_in(text):
    """Whether a text holds two words in a row, mark-up aside."""
    return re.search(r"[^\W\d_]{2,}\s+[^\W\d_]{2,}", re.sub(r"<[^>]*(>|$)|^[^<]*>", "", text))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_text_for_people_can_be_translated(path):
    assert list(words_outside(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_translators_see_whole_texts(path):
    """A text that is put together only when the module runs is found by no translator."""
    for call, text in translated(ast.parse(path.read_text(encoding="utf-8"))):
        where = f"{path.name}, line {call.lineno}"
        assert isinstance(text, ast.Constant) and isinstance(text.value, str), f"{where}: not a plain text"
        assert not re.search(r"\{\d*\}", text.value), f"{where}: what the braces stand for has no name"


@pytest.mark.parametrize(
    "source",
    ['label.text = "Two words"', 'raise ValueError(f"No {name} found here")', 'display("two words", title="x")'],
)
def test_a_text_that_cannot_be_translated_is_found(source):
    assert len(list(words_outside(ast.parse(source)))) == 1


@pytest.mark.parametrize("source", ['label.text = _("Two words")', 'logging.info("two words")', '"""Two words."""'])
def test_a_text_that_can_be_or_need_not_be_translated_is_not(source):
    assert list(words_outside(ast.parse(source))) == []


def panel_forms():
    return sorted((MODULE / "Resources" / "UI").glob("*.ui"))


@pytest.mark.parametrize("path", panel_forms(), ids=lambda path: path.name)
def test_what_the_form_says_can_be_translated(path):
    """`notr` is for what is no language: style sheets."""
    for parent in ElementTree.parse(path).iter("property"):
        text = parent.find("string")
        if text is not None and text.get("notr") == "true":
            assert parent.get("name") == "styleSheet", text.text


CONTAINERS = {"QWidget", "QFrame", "QGroupBox", "QTabWidget", "QStackedWidget", "qMRMLWidget", "ctkCollapsibleButton"}


def without_tool_tip(panel):
    """The names of the form's widgets that say nothing when the mouse rests on them."""
    slicer.app.processEvents()
    widgets = {name: widget for name, widget in vars(panel.ui).items() if hasattr(widget, "toolTip")}
    return sorted(
        name
        for name, widget in widgets.items()
        if widget.className() not in CONTAINERS and not widget.isHidden() and not widget.toolTip.strip()
    )


def test_every_widget_says_what_it_is_for_before_during_and_after_a_run(volume, panel):
    from clinician import during_the_run

    assert without_tool_tip(panel) == []
    during = []
    during_the_run(panel, lambda: during.append(without_tool_tip(panel)), "Restoring")
    panel.ui.runButton.click()
    assert during == [[]]
    assert without_tool_tip(panel) == []
