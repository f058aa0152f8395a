"""The host is as strict as Slicer, or stricter: what Slicer lacks raises here."""

import enum
import gc
import typing

import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

UI = """<ui version="4.0"><class>Form</class><widget class="qMRMLWidget" name="Form">
<layout class="QVBoxLayout" name="formLayout"><item><widget class="{kind}" name="child">{property}</widget></item>
</layout></widget><connections>{connection}</connections></ui>"""
TEXT = '<property name="text"><string>Go</string></property>'
UNKNOWN = '<property name="colour"><string>red</string></property>'
DYNAMIC = '<property name="SlicerParameterName" stdset="0"><string>volume</string></property>'
CONNECTION = """<connection><sender>Form</sender><signal>{signal}(vtkMRMLScene*)</signal>
<receiver>child</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>"""


@pytest.fixture
def qt(host):
    import qt

    return qt


@pytest.fixture
def load(host, tmp_path):
    forms = []  # a form takes its children with it when it goes

    def load(kind="QPushButton", properties=TEXT, connection=""):
        path = tmp_path / "form.ui"
        path.write_text(UI.format(kind=kind, property=properties, connection=connection))
        forms.append(slicer.util.loadUI(str(path)))
        return slicer.util.childWidgetVariables(forms[-1]).child

    return load


def test_qt_properties_are_attributes_and_their_setters_methods(qt):
    button = qt.QPushButton("Go")
    button.enabled = False
    button.setText("Stop")
    assert (button.text, button.enabled, button.isEnabled()) == ("Stop", False, False)
    with pytest.raises(TypeError):
        button.text()


def test_an_attribute_that_a_widget_lacks_raises(qt):
    button = qt.QPushButton("Go")
    with pytest.raises(AttributeError, match="QPushButton has no property colour"):
        button.colour = "red"
    with pytest.raises(AttributeError):
        _ = button.colour
    with pytest.raises(AttributeError, match="Qt has no QSpinalBox"):
        _ = qt.QSpinalBox


def test_a_control_point_is_dragged_where_it_is_shown_as_slicers_widget_drags_it(host, scene):
    line = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode")
    line.SetUndoEnabled(True)
    line.AddControlPoint(0, 0, 0)
    line.AddControlPoint(30, 0, 0)
    view, seen = host.slice_view("Red"), []
    line.CreateDefaultDisplayNodes()
    line.GetDisplayNode().SetVisibility(False)
    with pytest.raises(RuntimeError, match="not shown"):
        view.drag(line, 1, 10, 20)
    line.GetDisplayNode().SetVisibility(True)
    for event in ("PointStartInteractionEvent", "PointModifiedEvent", "PointEndInteractionEvent"):
        line.AddObserver(getattr(line, event), lambda *_, event=event: seen.append(event.removeprefix("Point")))
    before = view.place_of(line.GetNthControlPointPositionWorld(1))
    scene.SetUndoOn()
    try:
        view.drag(line, 1, 10, 20)
        after = view.place_of(line.GetNthControlPointPositionWorld(1))
        assert after == pytest.approx((before[0] + 10, before[1] + 20), abs=0.01)
        assert seen[0] == "StartInteractionEvent" and seen[-1] == "EndInteractionEvent"
        assert seen.count("ModifiedEvent") > 2
        scene.Undo()
        assert view.place_of(line.GetNthControlPointPositionWorld(1)) == pytest.approx(before, abs=0.01)
    finally:
        scene.SetUndoOff()
        scene.ClearUndoStack()
        scene.ClearRedoStack()
    line.SetLocked(True)
    with pytest.raises(RuntimeError, match="locked"):
        view.drag(line, 1, 10, 20)


def test_a_ui_gives_its_widgets_by_name_with_their_properties(load):
    assert load().text == "Go"
    assert load(properties=DYNAMIC).property("SlicerParameterName") == "volume"


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"properties": UNKNOWN}, "has no property"),
        ({"kind": "qMRMLVolumeChooser"}, "qMRMLVolumeChooser"),
        ({"connection": CONNECTION.format(signal="mrmlSceneChanged")}, "setMRMLScene"),
        ({"kind": "qMRMLNodeComboBox", "properties": "", "connection": CONNECTION.format(signal="moved")}, "moved"),
    ],
    ids=["property", "class", "slot", "signal"],
)
def test_a_ui_that_names_what_slicer_lacks_raises(load, contents, words):
    with pytest.raises(AttributeError, match=words):
        load(**contents)


@pytest.mark.parametrize("path", ["app.quitNow", "modules.dentistry", "util.loadSpine", "vtkMRMLSpineNode"])
def test_a_name_that_slicer_lacks_raises(host, path):
    *parents, name = path.split(".")
    place = slicer
    for parent in parents:
        place = getattr(place, parent)
    with pytest.raises(AttributeError):
        getattr(place, name)


def test_the_application_takes_no_new_attributes(host):
    with pytest.raises(AttributeError):
        slicer.app.spine = True


def test_a_node_selector_offers_only_nodes_of_its_classes(scene):
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode"]
    selector.showChildNodeTypes = False
    selector.noneEnabled = True
    selector.setMRMLScene(scene)
    kinds = "vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode", "vtkMRMLLabelMapVolumeNode", "vtkMRMLModelNode"
    nodes = [scene.AddNewNodeByClass(kind) for kind in kinds]
    assert [selector.nodeFromIndex(index) for index in range(selector.nodeCount())] == nodes[:2]
    assert selector.currentNode() is None
    selector.setCurrentNode(nodes[1])
    scene.RemoveNode(nodes[1])
    assert selector.currentNode() is nodes[0]
    scene.RemoveNode(nodes[0])
    assert selector.currentNode() is None


def test_a_node_selector_loses_its_node_when_a_scene_is_imported(scene, tmp_path):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Kept")
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    selector, told = slicer.qMRMLNodeComboBox(), []
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.noneEnabled = True
    selector.setMRMLScene(scene)
    selector.setCurrentNode(node)
    selector.currentNodeChanged.connect(told.append)
    assert scene.Import()
    assert selector.nodeCount() == 2
    assert selector.currentNode() is None
    assert told == [None]


def test_an_emptied_path_is_told_as_invalid_and_not_as_a_path(host, qt):
    import ctk

    field, told = ctk.ctkPathLineEdit(), []
    field.currentPathChanged.connect(told.append)
    field.validInputChanged.connect(told.append)
    for path in ("a.pt", "b.pt", "", "c.pt"):
        field.currentPath = path
    assert told == ["a.pt", True, "b.pt", False, "c.pt", True]
    (edit,) = field.findChildren(qt.QLineEdit)
    edit.text = "d.pt"
    assert field.currentPath == "d.pt"


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def test_parameters_live_in_the_node_and_in_the_widgets(scene, qt):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        colour: Colour = Colour.BLUE
        path: str = ""

    node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters, box = Parameters(node), qt.QComboBox()
    tag = parameters.connectParametersToGui({"colour": box})
    assert (box.count, box.currentText, node.GetParameter("colour")) == (2, "BLUE", "BLUE")
    box.currentIndex = 0
    assert parameters.colour is Colour.RED
    parameters.colour = Colour.BLUE
    assert box.currentText == "BLUE"
    parameters.disconnectGui(tag)
    box.currentIndex = 0
    assert parameters.colour is Colour.BLUE
    parameters.path = "a b/c.pt"
    assert (parameters.path, node.GetParameter("path")) == ("a b/c.pt", "a b/c.pt")
    with pytest.raises(TypeError):
        parameters.path = None
    with pytest.raises(AttributeError):
        parameters.color = Colour.RED
    with pytest.raises(TypeError):
        parameters.colour = "RED"


def test_yes_and_no_and_numbers_within_a_range_have_their_widgets(scene, qt):
    import ctk
    from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        shown: bool = True
        opacity: typing.Annotated[float, WithinRange(0, 1)] = 0.5
        depth: float = 3.0

    node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters, box, slider = Parameters(node), qt.QCheckBox(), ctk.ctkSliderWidget()
    parameters.connectParametersToGui({"shown": box, "opacity": slider})
    assert (box.checked, slider.value, slider.maximum) == (True, 0.5, 1.0)
    box.checked, slider.value = False, 2.0
    assert (parameters.shown, parameters.opacity) == (False, 1.0)
    assert (node.GetParameter("shown"), node.GetParameter("opacity")) == ("False", "1.0")
    with pytest.raises(ValueError, match="not within"):
        parameters.opacity = 1.5
    with pytest.raises(TypeError):
        parameters.shown = 1
    with pytest.raises(RuntimeError, match="unbounded"):
        parameters.connectParametersToGui({"depth": slider})
    with pytest.raises(RuntimeError, match="not checkable"):
        parameters.connectParametersToGui({"shown": qt.QPushButton()})


@pytest.mark.parametrize("kind", [complex, typing.Union[slicer.vtkMRMLModelNode, slicer.vtkMRMLTextNode]])  # noqa: UP007
def test_a_parameter_of_a_kind_that_slicer_refuses_raises(host, kind):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    with pytest.raises(TypeError):
        parameterNodeWrapper(type("Parameters", (), {"__annotations__": {"parameter": kind}}))


def test_texts_for_translators_name_their_fields(host):
    from slicer.i18n import tr

    assert tr("{name} restored").format(name="VPI") == "VPI restored"
    with pytest.raises(ValueError, match="names in the braces"):
        tr("{} restored")


def test_a_panel_whose_hint_grows_with_its_width_grows_in_the_dock(host, scene, qt):
    """As in Slicer: a module gets no narrower than its size hint, and asks the dock for more than that."""
    host.set_dock_width(344)
    table, parent = qt.QTableWidget(), qt.QWidget()
    qt.QVBoxLayout(parent).addWidget(table)
    table.sizeAdjustPolicy = qt.QTableWidget.AdjustToContents
    table.verticalScrollBarPolicy = table.horizontalScrollBarPolicy = qt.Qt.ScrollBarAlwaysOff
    table.setColumnCount(1)
    table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
    host.window.panel.add_module(parent)
    widths = []
    for _ in range(3):
        table.setRowCount(len(widths) + 1)
        widths.append(host.dock_width())
    host.window.panel.remove_module(parent)
    assert widths[0] < widths[1] < widths[2]
    host.set_dock_width(344)


def test_a_node_calls_what_observes_it_though_its_python_side_is_garbage(scene):
    """Where the host's callbacks were not kept, this crashed."""
    from SlicerHost.parameter_node import weakly

    class Garbage:
        """Collected, with what it holds, by Python's collector alone."""

        def __init__(self, node):
            self.node, self.itself = node, self

    class Counter:
        count = 0

        def add(self):
            self.count += 1

    counter, node = Counter(), scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    name, before = node.GetID(), counter.count
    node.AddObserver("ModifiedEvent", weakly(counter, "add"))
    Garbage(node)
    del node
    gc.collect()
    scene.GetNodeByID(name).Modified()
    assert counter.count == before + 1
