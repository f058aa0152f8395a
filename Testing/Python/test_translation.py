"""Every text for people can be translated, and every widget that they touch explains itself."""
# -*- i18n: disabled -*- (tells Slicer's tools that the texts of this file are examples)

import ast
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from house import LIBRARY, ROOT, imports

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

MODULE = ROOT / "DAGANSpine"
TRANSLATORS = {"_": 0, "tr": 0, "translate": 1}  # by name: which argument is the text
NO_LANGUAGE = {  # by file: names that other programs know, and what only the researcher's commands say
    "results.py": {"Binary labelmap"},
    "devices.py": {"no kernel image", "out of memory", "not enough memory", "can't allocate memory"},
    "dicom.py": {"PALETTE COLOR"},  # the standard's word
    "jpeg.py": {r"Corrupt JPEG data: (?!\d+ extraneous bytes before marker 0xd9)|Premature end"},  # libjpeg's words
    "figures.py": {"Research use, not for diagnosis.", " by hand"},
}
FORMATS = {"segments.py", "shapes.py"}  # their words are those of terminologies and of model files
RESEARCHERS = {"choose_precision", "read_json", "check_record", "pixel_sides"}  # functions whose words only they read


def with_all_imported(paths):
    """These files, and those of the library that come with them; without the networks, which say nothing to people."""
    found, waiting = [], list(paths)
    while waiting:
        path = waiting.pop(0)
        if path not in found and path.parent.name != "networks":
            found.append(path)
            waiting += filter(None, (each.file for each in imports(path)))
    return found


SOURCES = with_all_imported([MODULE / "DAGANSpine.py", *sorted((MODULE / "DAGANSpinePanel").glob("*.py"))])


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
            case ast.FunctionDef(name=name) if name in RESEARCHERS:
                yield node
            case ast.Assign(targets=[ast.Attribute(attr="contributors")]):
                yield node
            case ast.Dict(keys=keys):
                yield from filter(None, keys)
            case ast.Subscript(slice=key) | ast.Call(func=ast.Attribute(attr="get"), args=[key, *_]):
                yield key
    yield from (call for call, _ in translated(tree))


def stages(tree):
    """What a run says of how far it is, which may be a single word."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "progress":
            yield from node.args[1:]


def words_outside(tree, no_language=()):
    """Texts of two words or more, and stages of a run, that nobody could translate, with their lines."""
    hidden = {id(below) for node in not_shown(tree) for below in ast.walk(node)}
    said = {id(stage) for stage in stages(tree)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if id(node) in hidden or not isinstance(text, str) or text in no_language:
            continue
        if words_in(text) or id(node) in said:
            yield f"{node.lineno}: {text}"


def words_in(text):
    """Whether a text holds two words in a row, mark-up aside."""
    return re.search(r"[^\W\d_]{2,}\s+[^\W\d_]{2,}", re.sub(r"<[^>]*(>|$)|^[^<]*>", "", text))


def names(path):
    return f"{path.parent.name}/{path.name}"


def test_the_library_is_looked_through_as_far_as_the_panel_uses_it():
    looked_through = {path.name for path in SOURCES if path.is_relative_to(LIBRARY)}
    assert looked_through > {"picture.py", "projector.py", "figures.py", "pipeline.py", "devices.py", "files.py"}
    assert not looked_through & {"trainer.py", "scoring.py", "sweep.py", "one_file.py", "__main__.py"}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name not in FORMATS], ids=names)
def test_every_text_for_people_can_be_translated(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(words_outside(tree, NO_LANGUAGE.get(path.name, ()))) == []


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_translators_see_whole_texts(path):
    """A text that is put together only when the module runs is found by no translator."""
    for call, text in translated(ast.parse(path.read_text(encoding="utf-8"))):
        where = f"{path.name}, line {call.lineno}"
        assert isinstance(text, ast.Constant) and isinstance(text.value, str), f"{where}: not a plain text"
        assert not re.search(r"\{\d*\}", text.value), f"{where}: what the braces stand for has no name"


def overlooked(source):
    """Calls of `_` that Slicer's update_translations.py doesn't find: it looks for a string in quotation marks and
    nothing else between the brackets, and leaves what lies within an f-string to its fate."""
    tree = ast.parse(source)
    within = {id(each) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for each in ast.walk(node)}
    for call, _text in translated(tree):
        written = ast.get_source_segment(source, call)
        plain = re.fullmatch(r'_\(\s*"((?!"\s*\)).)+"\s*\)', written, re.DOTALL)
        if call.func.id == "_" and (id(call) in within or not plain):
            yield written


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_slicers_tools_find_every_text(path):
    assert list(overlooked(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source", ["""f"{_('Restored')}: {legend}\"""", '_("Restored",)', '_(  # a remark\n"Restored")']
)
def test_a_text_that_slicers_tools_overlook_is_noticed(source):
    assert len(list(overlooked(source))) == 1


def translated_too_early(tree):
    """Calls of translators that are made when the file is imported, in whatever language that is."""
    later = (ast.FunctionDef, ast.Lambda)
    within = {id(below) for node in ast.walk(tree) if isinstance(node, later) for below in ast.walk(node)}
    yield from (call.lineno for call, _text in translated(tree) if id(call) not in within)


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_texts_are_translated_when_they_are_said(path):
    assert list(translated_too_early(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_a_constant_that_is_translated_at_import_is_noticed():
    source = 'TITLE = _("Restored")\nclass Panel:\n    title = _("Restored")\n    def say(self): return _("Restored")'
    assert list(translated_too_early(ast.parse(source))) == [1, 3]


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_nothing_else_has_the_translators_name(path):
    """`_, total = …` would hide it, and only a clinician with just this trouble would see the NameError."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    stored = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
              and node.id == "_"]  # fmt: skip
    assert stored + [node.lineno for node in ast.walk(tree) if isinstance(node, ast.arg) and node.arg == "_"] == []


@pytest.mark.parametrize(
    "source",
    [
        'label.text = "Two words"',
        'raise ValueError(f"No {name} found here")',
        'display("two words", title="x")',
        'progress(0.9, "Segmenting")',
        'found = {"key": "two words"}',
    ],
)
def test_a_text_that_cannot_be_translated_is_found(source):
    assert len(list(words_outside(ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        'label.text = _("Two words")',
        'logging.info("two words")',
        '"""Two words."""',
        'progress(0.9, _("Segmenting"))',
        'found = {"two words": 1}',
    ],
)
def test_a_text_that_can_be_or_need_not_be_translated_is_not(source):
    assert list(words_outside(ast.parse(source))) == []


def extracted():
    """All texts with the contexts under which Slicer's update_translations.py writes them: the file's name, for a file
    of a package after that of its folder."""
    for path in SOURCES:
        package = f"{path.parent.name}." if (path.parent / "__init__.py").is_file() else ""
        for _call, text in translated(ast.parse(path.read_text(encoding="utf-8"))):
            yield package + path.stem, text.value


@pytest.fixture
def brackets(host):
    """A language in which every text stands in brackets; Qt knows those that Slicer's tools find, under the contexts
    that they give them."""
    from PySide6 import QtCore

    dictionary = set(extracted())

    class Translator(QtCore.QTranslator):
        def isEmpty(self):
            return False

        def translate(self, context, text, disambiguation=None, n=-1):
            return f"[{text}]" if (context, text) in dictionary else None

    translator = Translator()
    host.application.installTranslator(translator)
    yield
    host.application.removeTranslator(translator)


@pytest.fixture
def without_pixel_size(panel, small_vpi):
    """The panel with a VPI whose pixel size nobody knew, and what its status line says during a run."""
    from clinician import during_the_run

    panel.ui.inputSelector.setCurrentNode(
        slicer.util.addVolumeFromArray(small_vpi[np.newaxis], np.diag([-1, -1, 1, 1]), "VPI")
    )
    said = []
    during_the_run(panel, lambda: said.append(panel.ui.statusLabel.text), ("Segmenting", "[Segmenting]"))
    return panel, said


UNKNOWN = "The pixel size is unknown: there are no areas in mm², and angles hold only if pixels are square."


def test_slicers_translator_has_what_the_library_says_in_the_panel(brackets, without_pixel_size):
    panel, said = without_pixel_size
    panel.ui.runButton.click()
    assert f"[{UNKNOWN}]" in panel.ui.warningsLabel.text
    assert "[Segmenting] – " in said[0]


def test_without_a_translation_the_panel_speaks_english(without_pixel_size):
    panel, said = without_pixel_size
    panel.ui.runButton.click()
    assert f"Note: {UNKNOWN}" in panel.ui.warningsLabel.text.splitlines()
    assert said[0].startswith("Segmenting – ")


def trouble_with_an_empty_picture():
    from DAGANSpineLib.vpi import picture as vpi

    with pytest.raises(vpi.ImageError) as trouble:
        vpi.grey(np.zeros((64, 64)))
    return str(trouble.value)


def test_a_library_that_was_reloaded_is_translated_as_well(brackets, panel, reloadable):
    reloadable(panel)
    assert trouble_with_an_empty_picture() == "[This picture is empty: every pixel has the same value.]"


def test_the_library_by_itself_speaks_english(brackets, monkeypatch):
    from DAGANSpineLib import texts

    monkeypatch.setattr(texts, "_translator", texts.untranslated)
    assert trouble_with_an_empty_picture() == "This picture is empty: every pixel has the same value."


@pytest.mark.parametrize(
    "wrong", ["{Dateien} fehlen", "Alles fehlt", "{files} {folder} fehlen", "{files} fehlen {", "{files:d}"]
)
def test_a_translation_that_could_not_be_filled_in_is_not_used(monkeypatch, wrong):
    from DAGANSpineLib import texts

    monkeypatch.setattr(texts, "_translator", lambda source, text: wrong)
    assert texts.tr("{files} are missing") == "{files} are missing"


def test_a_translation_is_told_the_file_that_speaks(monkeypatch):
    from DAGANSpineLib import texts

    monkeypatch.setattr(texts, "_translator", lambda source, text: f"{Path(source).name}: es fehlen {{files}}")
    assert texts.tr("{files} are missing").format(files=3) == "test_translation.py: es fehlen 3"


def panel_forms():
    return sorted((MODULE / "Resources" / "UI").glob("*.ui"))


@pytest.mark.parametrize("path", panel_forms(), ids=lambda path: path.name)
def test_what_the_form_says_can_be_translated(path):
    """`notr` is for what is no language, and would break if somebody translated it."""
    for parent in ElementTree.parse(path).iter("property"):
        text = parent.find("string")
        if text is not None:
            no_language = parent.get("name") in ("styleSheet", "SlicerParameterName")
            assert (text.get("notr") == "true") == no_language, text.text


CONTAINERS = {
    "QWidget",
    "QFrame",
    "QGroupBox",
    "QTabWidget",
    "QStackedWidget",
    "QScrollArea",
    "qMRMLWidget",
    "ctkCollapsibleButton",
}


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
