"""A model file is loaded whole, or refused with a sentence."""

import os
import re
import subprocess
import sys
import tracemalloc
import zipfile

import pytest
import torch

from DAGANSpineLib.model import Model, ModelError, load_model, save_model
from DAGANSpineLib.model.card import BUNDLED, Skeleton, read_card
from DAGANSpineLib.model.file import expected_checksum
from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model(
        GeneratorShape((4, 8, 16), attention=False),
        PanopticFPNShape(depth=18, width=16, pyramid=8, head=8),
        provenance={"preset": "none", "seed": 0},
    )


def test_a_file_from_before_upsampling_could_be_chosen_still_loads(tmp_path):
    """Older files name no upsampling: theirs is transposed convolutions."""
    torch.manual_seed(0)
    old = Model(GeneratorShape((4, 8, 16), upsampling="transposed"), PanopticFPNShape(18, 16, 8, 8))
    save_model(old, tmp_path / "old.pt")
    content = torch.load(tmp_path / "old.pt", weights_only=True)
    for name in ("upsampling", "unshuffled", "masked"):
        del content["configuration"]["generator"][name]
    torch.save(content, tmp_path / "old.pt")
    loaded = load_model(tmp_path / "old.pt")
    assert loaded.generator_shape == old.generator_shape
    image = torch.randn(1, 1, 40, 40)
    torch.testing.assert_close(loaded.generator(image), old.generator(image), atol=1e-2, rtol=1e-2)


def test_what_is_saved_is_loaded_to_half_precision(model, tmp_path):
    save_model(model, tmp_path / "m.pt")
    loaded = load_model(tmp_path / "m.pt")
    assert (loaded.generator_shape, loaded.segmenter_shape) == (model.generator_shape, model.segmenter_shape)
    assert (loaded.provenance, loaded.classes, loaded.name) == (model.provenance, model.classes, "m.pt")
    assert not loaded.generator.training and not loaded.segmenter.training
    for mine, other in zip(model.networks, loaded.networks, strict=True):
        for name, weight in mine.state_dict().items():
            torch.testing.assert_close(other.state_dict()[name], weight, atol=1e-3, rtol=1e-3)


def test_a_file_names_the_kinds_of_its_networks_and_one_without_names_has_dagans(model, tmp_path):
    path = tmp_path / "m.pt"
    save_model(model, path)
    content = torch.load(path, weights_only=True)
    kinds = {part: settings.pop("kind") for part, settings in content["configuration"].items()}
    assert kinds == {"generator": "generator", "segmenter": "panoptic FPN"}
    torch.save(content, path)
    assert load_model(path).generator_shape == model.generator_shape
    content["configuration"]["generator"]["kind"] = "unheard of"
    torch.save(content, path)
    with pytest.raises(ModelError, match="can't be used"):
        load_model(path)


def test_half_a_file_is_refused_wherever_it_is_cut(model, tmp_path):
    path = tmp_path / "m.pt"
    save_model(model, path)
    whole = path.read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        for read in (load_model, read_card):
            with pytest.raises(ModelError, match=re.escape(str(path))):
                read(path)


def test_a_changed_weight_is_noticed(model, tmp_path):
    path = tmp_path / "m.pt"
    save_model(model, path)
    whole = bytearray(path.read_bytes())
    weight = bytes(model.segmenter.state_dict()["classify.weight"].half().numpy())
    whole[whole.index(weight)] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ModelError, match="damaged"):
        load_model(path)


def test_files_of_another_kind_are_refused(model, tmp_path):
    path = tmp_path / "m.pt"
    save_model(model, path)
    content = torch.load(path, weights_only=True)
    for other, words in {
        "a list": ([1, 2], "not a DAGANSpine model"),
        "bare weights": (model.generator.state_dict(), "not a DAGANSpine model"),
        "a newer format": (content | {"format": 99}, "format 99"),
        "no provenance": ({key: content[key] for key in content if key != "provenance"}, "not a DAGANSpine model"),
    }.values():
        torch.save(other, path)
        for read in (load_model, read_card):
            with pytest.raises(ModelError, match=words):
                read(path)


def test_a_file_whose_networks_are_not_as_it_says_is_refused(model, tmp_path):
    path = tmp_path / "m.pt"
    save_model(model, path)
    content = torch.load(path, weights_only=True)
    lacking = {name: value for name, value in content["generator"].items() if not name.startswith("correction")}
    wrong_shape = content["configuration"] | {"generator": {"widths": (8, 8, 16), "attention": False}}
    for other in (content | {"configuration": wrong_shape}, content | {"generator": lacking}):
        torch.save(other, path)
        with pytest.raises(ModelError, match="can't be used"):
            load_model(path)


class Surprise:
    """What a hostile pickle could do."""

    def __reduce__(self):
        return os.system, ("touch surprised",)


def spoil_a_weight(content):
    next(iter(content["segmenter"].values()))[0] = float("nan")


def turn_the_classes_round(content):
    content["classes"] = content["classes"][::-1]


def ask_for_wide_layers(content):
    content["configuration"]["generator"]["widths"] = [6000] * 3


def ask_for_many_blocks(content):
    content["configuration"]["generator"] = {"kind": "residual generator", "width": 4, "blocks": 10**9}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (spoil_a_weight, "no numbers"),
        (turn_the_classes_round, "has the classes"),
        (ask_for_wide_layers, "can't be used"),
        (ask_for_many_blocks, "can't be used"),
    ],
)
def test_what_no_training_of_ours_writes_is_refused(model, tmp_path, change, words):
    path = tmp_path / "m.pt"
    save_model(model, path)
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)
    with pytest.raises(ModelError, match=words):
        load_model(path)


def test_packed_files_and_those_of_the_other_byte_order_are_refused(model, tmp_path):
    save_model(model, tmp_path / "m.pt")
    with zipfile.ZipFile(tmp_path / "m.pt") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    order = next(name for name in entries if name.endswith("/byteorder"))
    for name, packing, change in (
        ("big.pt", zipfile.ZIP_STORED, {order: b"big"}),
        ("zeros.pt", zipfile.ZIP_DEFLATED, {order.replace("byteorder", "data/0"): bytes(10_000_000)}),
    ):
        with zipfile.ZipFile(tmp_path / name, "w", packing) as archive:
            for entry, content in (entries | change).items():
                archive.writestr(entry, content)
        with pytest.raises(ModelError, match="damaged"):
            load_model(tmp_path / name)


def test_code_in_a_model_file_does_not_run(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(model, tmp_path / "m.pt")
    content = torch.load(tmp_path / "m.pt", weights_only=True)
    torch.save(content | {"generator": Surprise()}, tmp_path / "m.pt")
    with pytest.raises(ModelError):
        load_model(tmp_path / "m.pt")
    assert read_card(tmp_path / "m.pt").provenance == model.provenance
    assert not (tmp_path / "surprised").exists()


def test_a_few_bytes_can_not_ask_a_card_for_much_memory(tmp_path):
    path, index = tmp_path / "m.pt", (1 << 24).to_bytes(4, "little")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", b"\x80\x02}r" + index + b".")  # a dictionary, to be remembered at that index
    tracemalloc.start()
    with pytest.raises(ModelError, match="not a DAGANSpine model"):
        read_card(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6


def test_a_missing_or_unreadable_file_is_named(tmp_path):
    for read in (load_model, read_card):
        with pytest.raises(ModelError, match=r"no model file .*nowhere\.pt: copy it again, or choose another"):
            read(tmp_path / "nowhere.pt")
        with pytest.raises(ModelError, match=re.escape(str(tmp_path))):
            read(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="a device of Unix")
def test_a_device_is_no_model():
    with pytest.raises(ModelError, match="not a DAGANSpine model"):
        load_model("/dev/zero")


def test_a_missing_bundled_model_needs_a_new_installation(tmp_path, monkeypatch):
    monkeypatch.setattr("DAGANSpineLib.model.card.BUNDLED", tmp_path / "DAGANSpine.pt")
    for read in (load_model, read_card):
        with pytest.raises(ModelError, match="install the extension again"):
            read()


def test_a_card_says_what_the_file_says_of_itself(model, tmp_path):
    save_model(model, tmp_path / "m.pt")
    card = read_card(tmp_path / "m.pt")
    assert (card.name, card.provenance) == ("m.pt", model.provenance)
    assert read_card().provenance == load_model().provenance


def test_a_card_is_read_anew_once_its_file_has_changed_and_not_before(model, tmp_path, monkeypatch):
    path, read = tmp_path / "m.pt", []
    whole = Skeleton.of
    monkeypatch.setattr(Skeleton, "of", lambda path: (read.append(path), whole(path))[1])
    for preset in ("first", "second"):
        save_model(Model(model.generator_shape, model.segmenter_shape, {"preset": preset}), path)
        assert [read_card(path).provenance["preset"] for _ in range(3)] == [preset] * 3
    assert read == [path] * 2
    path.unlink()
    with pytest.raises(ModelError, match="no model file"):
        read_card(path)


def test_a_card_is_read_without_torch(tmp_path):
    program = "import sys; sys.modules['torch'] = None; from DAGANSpineLib.model.card import read_card; read_card()"
    subprocess.run([sys.executable, "-c", program], cwd=BUNDLED.parents[2], check=True)


def test_a_failed_save_leaves_the_former_file(model, tmp_path, monkeypatch):
    path = tmp_path / "m.pt"
    save_model(model, path)
    before = path.read_bytes()

    def full_disk(content, file):
        file.write_bytes(b"half of")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_model(model, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("weight", [7e4, float("nan"), float("-inf")])
def test_weights_that_a_file_can_not_hold_leave_the_former_file(model, tmp_path, weight):
    path = tmp_path / "m.pt"
    save_model(model, path)
    before, lost = path.read_bytes(), Model(model.generator_shape, model.segmenter_shape)
    with torch.no_grad():
        next(lost.segmenter.parameters()).flatten()[0] = weight
    with pytest.raises(ModelError, match="can't hold weights"):
        save_model(lost, path)
    assert path.read_bytes() == before


def test_the_bundled_model_is_small_and_in_half_precision():
    assert BUNDLED.stat().st_size <= 16e6
    content = torch.load(BUNDLED, weights_only=True)
    weights = [*content["generator"].values(), *content["segmenter"].values()]
    assert {weight.dtype for weight in weights} == {torch.half, torch.long}
    assert load_model().sha256 == expected_checksum()


def test_a_changed_bundled_model_is_refused(tmp_path, monkeypatch):
    copy = tmp_path / "DAGANSpine.pt"
    content = torch.load(BUNDLED, weights_only=True)
    content["provenance"]["seed"] = -1
    torch.save(content, copy)
    copy.with_name("DAGANSpine.pt.sha256").write_text(expected_checksum() + "  DAGANSpine.pt\n")
    monkeypatch.setattr("DAGANSpineLib.model.card.BUNDLED", copy)
    with pytest.raises(ModelError, match="changed or damaged"):
        load_model()
