"""What each choice of the bundled training is worth: the other trainings differ in what their names say."""

import json

import pytest

from DAGANSpineLib.training.presets import PRESETS
from Testing.Benchmarks.choices import CHOICES, REFERENCE, begin_after, in_the_end_joint, shortened

BUNDLED = shortened(PRESETS["bundled"])
OTHERS = {name: choice for name, choice in CHOICES.items() if name != REFERENCE}


def described(preset) -> dict:
    return json.loads(json.dumps(preset.described()))


@pytest.mark.parametrize("name", OTHERS)
def test_another_choice_changes_what_is_trained_for_it_and_no_more(name):
    choice, reference = OTHERS[name], described(BUNDLED)
    other = described(choice.undo(BUNDLED))
    changed = {key for key in reference if reference[key] != other[key]}
    assert changed and changed <= {"stages", "generator"}
    stages = len(reference["stages"])
    if not choice.restoration:
        assert other["stages"][0] == reference["stages"][0] and other["generator"] == reference["generator"]
    if not choice.segmentation:
        assert other["stages"][1:] == reference["stages"][1:]
    if choice.further:
        assert other["stages"][:stages] == reference["stages"] and len(other["stages"]) == stages + 1
    else:
        assert len(other["stages"]) == stages


def test_a_training_goes_on_from_a_former_one_with_its_own_stages(tmp_path):
    former, folder = tmp_path / "former", tmp_path / "segmentation" / "end to end"
    former.mkdir()
    (former / "config.json").write_text(json.dumps({"seed": 3} | described(BUNDLED)))
    (former / "last.pt").write_bytes(b"state")
    (former / "events.out").write_bytes(b"plots")
    joint = in_the_end_joint(BUNDLED)
    begin_after(former, folder, joint)
    configuration = json.loads((folder / "config.json").read_text())
    assert configuration == {"seed": 3} | described(joint)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "last.pt"]
    (folder / "last.pt").write_bytes(b"further")
    begin_after(former, folder, joint)  # as after an interruption
    assert (folder / "last.pt").read_bytes() == b"further"
