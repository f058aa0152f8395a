"""What hospitals do to a picture, done to picture and labels alike, and what it costs in Dice."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai.metrics import compute_dice
from PIL import Image

from DAGANSpineLib.evaluation import changes
from DAGANSpineLib.evaluation.changed_pictures import COLUMNS, robustness, robustness_as_markdown, under_each_change
from DAGANSpineLib.evaluation.changes import CHANGES
from DAGANSpineLib.inference import Pipeline, Result
from DAGANSpineLib.training.dataset import DatasetError, Sample

ROWS, COLUMNS_OF_PICTURE, TOP, BOTTOM = 240, 128, 20, 220  # the body has 200 rows


def spine(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A picture whose grey tells the labels: background 200, ribs 150, thoracic 100, lumbar 50; black margins."""
    labels = np.zeros((ROWS, COLUMNS_OF_PICTURE), np.uint8)
    for row in range(26 + seed, 120, 20):
        labels[row : row + 8, 14:34], labels[row : row + 8, 34:44] = 1, 2
    for row in range(130 + seed, 210, 24):
        labels[row : row + 12, 30:66] = 3
    pixels = (200 - 50 * labels).astype(np.uint8)
    pixels[:TOP], pixels[BOTTOM:], pixels[:, :10], pixels[:, 90:] = 0, 0, 0, 0
    return pixels, labels


def threshold(pixels: np.ndarray) -> np.ndarray:
    """Labels from grey alone: looks at no neighbour, so that crops and mirrors can't change what it finds."""
    labels = np.round((200 - pixels.astype(float)) / 50).clip(0, 3).astype(np.uint8)
    labels[pixels == 0] = 0
    return labels


@pytest.mark.parametrize("name", CHANGES)
def test_labels_are_changed_alongside_the_picture(name):
    """No shift by a pixel would let them fit better."""
    pixels, labels = spine()
    changed, (found, also, lit) = CHANGES[name](pixels, (labels, labels, (pixels > 0).astype(np.uint8)))
    assert changed.dtype == found.dtype == np.uint8 and changed.shape == found.shape
    assert np.array_equal(found, also)
    lit = (lit > 0) & (changed > 10)
    drawn = np.zeros(found.shape)  # the picture as its labels have it
    for label in np.unique(found):
        drawn[found == label] = np.median(changed[lit & (found == label)])
    misfit = {
        (down, across): np.abs(changed - np.roll(drawn, (down, across), (0, 1)))[lit].mean()
        for down in (-1, 0, 1)
        for across in (-1, 0, 1)
    }
    assert min(misfit, key=misfit.get) == (0, 0) and misfit[0, 0] < 20


def test_pixel_sizes_change_by_a_factor_of_two_in_both_directions():
    pixels, labels = spine()
    for name, factor in (("half the pixel size", 2), ("double the pixel size", 0.5)):
        changed, (found,) = CHANGES[name](pixels, (labels,))
        assert changed.shape == found.shape == (ROWS * factor, COLUMNS_OF_PICTURE * factor)
        assert (found == 3).sum() == (labels == 3).sum() * factor**2
        assert changed.mean() == pytest.approx(pixels.mean(), rel=0.01)


def test_a_fifth_of_the_body_goes_at_the_end_that_is_named():
    pixels, labels = spine()
    head, foot = (CHANGES[f"20 % of the {end} cut off"](pixels, (labels,)) for end in ("head", "foot"))
    assert np.array_equal(head[0], pixels[TOP + 40 :]) and np.array_equal(head[1][0], labels[TOP + 40 :])
    assert np.array_equal(foot[0], pixels[: BOTTOM - 40]) and np.array_equal(foot[1][0], labels[: BOTTOM - 40])
    for end, cut, rows in (("head", head, np.s_[TOP + 40 :]), ("foot", foot, np.s_[: BOTTOM - 40])):
        black, (found,) = CHANGES[f"20 % of the {end} black"](pixels, (labels,))
        assert black.shape == pixels.shape
        assert np.array_equal(black[rows], cut[0]) and black.sum() == cut[0].sum()
        assert np.array_equal(found[rows], cut[1][0]) and found.sum() == cut[1][0].sum()


def test_grey_levels_change_as_worked_by_hand_and_saturate():
    pixels = np.full((64, 64), 100, np.uint8)
    pixels[:, 32:] = 240
    expected = {"brighter, gain 1.3": (130, 255), "darker, gain 0.6": (60, 144), "gamma 1.5": (63, 233)}
    for name, (left, right) in expected.items():
        changed, _ = CHANGES[name](pixels, ())
        assert (changed[:, :32] == left).all() and (changed[:, 32:] == right).all()


def test_mirroring_twice_gives_the_picture_back():
    pixels, labels = spine()
    mirrored = CHANGES["mirrored left to right"]
    once = mirrored(pixels, (labels,))
    assert once[0][50, 20] == pixels[50, -21] != once[0][50, -21]
    twice = mirrored(once[0], once[1])
    assert np.array_equal(twice[0], pixels) and np.array_equal(twice[1][0], labels)


def test_jpeg_loses_more_the_lower_its_quality(monkeypatch):
    pixels = (spine()[0] + np.random.default_rng(0).normal(0, 8, (ROWS, COLUMNS_OF_PICTURE))).clip(0, 255)
    losses = []
    for quality in (95, 50, 10):
        monkeypatch.setattr(changes, "QUALITY", quality)
        losses.append(np.abs(changes.jpeg(pixels) - pixels).mean())
    assert 0 < losses[0] < losses[1] < losses[2] < 20


def test_what_other_scanners_and_programs_would_have_made_of_it():
    pixels, labels = spine()
    lit = pixels > 0
    grey, _ = CHANGES["grey background"](pixels, ())
    assert (grey[~lit] == 45).all() and np.array_equal(grey[lit], pixels[lit])
    marked, _ = CHANGES["marks"](pixels, ())
    assert 0.002 < (marked != pixels).mean() < 0.3
    torn, (found,) = CHANGES["missing band"](pixels, (labels,))
    gap = ((torn == 0) & lit)[:, 20:80].all(1)
    assert gap.any() and not found[gap].any()
    aside = round(0.02 * COLUMNS_OF_PICTURE)
    assert np.array_equal(torn[:110], pixels[:110]) and np.array_equal(torn[130:, aside:], pixels[130:, :-aside])
    console, (found,) = CHANGES["console"](np.tile(pixels, (1, 5)), (np.tile(labels, (1, 5)),))
    assert console.shape == found.shape == (round(ROWS * 250 / (5 * COLUMNS_OF_PICTURE)), 250)
    portable, _ = CHANGES["portable"](pixels, ())
    lines = ((portable == 0) & lit)[:, 20:80].mean(1)
    assert 0.1 < lines[90:126].mean() < 0.4 and not lines[:80].any()


def test_shadows_are_fainter_near_the_skin_and_blacker_in_deep_layers():
    rows, columns = np.mgrid[:240, :200]
    shadow = np.exp(-((rows - 120) ** 2 + (columns - 100) ** 2) / 22**2)
    pixels = (200 * (1 - 0.5 * shadow)).astype(np.uint8)
    near, deep = (CHANGES[name](pixels, ())[0].astype(float) for name in ("layer near the skin", "deep layer"))
    assert near[120, 100] == pytest.approx(150, abs=12) and deep[120, 100] == pytest.approx(50, abs=12)
    assert near[20, 20] == pytest.approx(200, abs=3) == deep[20, 20]


def write_data(folder):
    """A data set of six small spines to test on."""
    names = [f"s{index}" for index in range(7)]
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for index, name in enumerate(names):
        for kind, picture in zip(("images", "labels"), spine(index % 4), strict=True):
            sitk.WriteImage(sitk.GetImageFromArray(picture), str(folder / kind / f"{name}.png"))
    description = {"name": "Simulated", "train": names[:1], "test": names[1:]}
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


class ByThreshold:
    """A pipeline that labels by grey alone."""

    model = SimpleNamespace(name="threshold", sha256="0" * 64)

    def run(self, pixels: np.ndarray, spacing: tuple[float, float] | None = None) -> Result:
        return Result(pixels.astype(np.uint8), threshold(pixels), np.empty(0), pixels > 0, {})


def test_what_is_cut_off_counts_neither_for_nor_against_a_model(data, tmp_path):
    for path in (data / "labels").glob("*.png"):  # an expert who sees no lumbar vertebra: all of them are false
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        sitk.WriteImage(sitk.GetImageFromArray(np.where(labels == 3, 0, labels)), str(path))
    found = robustness(data, ByThreshold(), tmp_path / "out")["changes"]
    geometric = [name for name in CHANGES if "%" in name or "mirrored" in name]
    assert len(geometric) == 5
    for name in geometric:
        for column in COLUMNS:
            difference = found[name][column]
            assert difference["mean"] == difference["low"] == difference["high"] == 0
            assert difference["reading"] == "no difference shown"
    assert found["as it is"]["rib"]["other"] == 1 and found["as it is"]["lumbar"]["other"] == 0


def test_a_background_that_is_not_black_is_taken_away_as_where_files_are_read(small_vpi):
    seen = []

    class Watching(ByThreshold):
        def run(self, pixels, spacing=None):
            seen.append(pixels)
            return super().run(pixels)

    canvas = np.pad(small_vpi, 20)
    under_each_change(Sample("a", canvas, np.zeros_like(canvas)), Watching(), lambda *_: None)
    on_grey = seen[1 + list(CHANGES).index("grey background")]
    assert not on_grey[:10].any() and (on_grey != seen[0]).mean() < 0.01


def test_the_pixels_of_a_changed_picture_are_as_large_as_the_change_makes_them(small_vpi):
    told = []

    class Watching(ByThreshold):
        def run(self, pixels, spacing=None):
            told.append((len(pixels), spacing))
            return super().run(pixels)

    height = 0.3 * len(small_vpi)
    sample = Sample("a", small_vpi, np.zeros_like(small_vpi), known={"spacing_mm": [0.3, 0.2]})
    under_each_change(sample, Watching(), lambda *_: None)
    sizes = dict(zip(["as it is", *CHANGES], told, strict=True))
    assert sizes["as it is"] == (len(small_vpi), (0.3, 0.2)) == sizes["mirrored left to right"]
    assert sizes["half the pixel size"][1] == (0.15, 0.1) and sizes["20 % of the head cut off"][1] == (0.3, 0.2)
    for name in set(sizes) - {"20 % of the head cut off", "20 % of the foot cut off"}:
        rows, (down, _) = sizes[name]
        assert rows * down == pytest.approx(height, rel=0.01)


def test_a_model_that_goes_by_brightness_alone_is_found_out(data, tmp_path):
    report = robustness(data, ByThreshold(), tmp_path / "out")
    assert report["changes"]["as it is"]["average"]["other"] == 1
    darker = report["changes"]["darker, gain 0.6"]["average"]
    assert darker["high"] < -0.3 and darker["reading"] == "lower"
    line = next(line for line in robustness_as_markdown(report).splitlines() if line.startswith("| darker"))
    assert line.endswith("| lower |") and f"{100 * darker['mean']:+.2f}" in line


@pytest.fixture(scope="module")
def measured(slim_model_file, tmp_path_factory):
    """One subject under each change: (pipeline, report, folder)."""
    folder = tmp_path_factory.mktemp("robustness")
    pipeline = Pipeline.load(slim_model_file, "cpu")
    return pipeline, robustness(write_data(folder / "data"), pipeline, folder / "out", 1), folder


def test_the_table_the_figures_and_the_sheet_are_written(measured):
    _, report, folder = measured
    out = folder / "out"
    assert sorted(path.name for path in out.iterdir()) == ["robustness.json", "robustness.md", "sheet.png"]
    assert json.loads((out / "robustness.json").read_text(encoding="utf-8")) == report
    assert [row["subject"] for row in report["subjects"]] == ["s1"]
    assert list(report["changes"]) == ["as it is", *CHANGES]
    assert report["changes"]["darker, gain 0.6"]["average"]["reading"] == "fewer than 6 subjects can't tell"
    table = (out / "robustness.md").read_text(encoding="utf-8")
    assert all(f"| {name} |" in table for name in report["changes"])
    with Image.open(out / "sheet.png") as sheet:
        assert sheet.width > 1000 and sheet.mode != "P"  # all greys, not those of a plot's palette


def test_the_progress_grows_from_start_to_end(data, tmp_path):
    heard = []
    robustness(data, ByThreshold(), tmp_path / "out", 2, lambda *said: heard.append(said))
    fractions = [fraction for fraction, _ in heard]
    assert fractions[0] == 0 and fractions[-1] == 1 and np.all(np.diff(fractions) > 0)
    assert len(fractions) == 2 * (1 + len(CHANGES)) + 1


def test_the_dice_of_a_changed_picture_is_monais(measured):
    pipeline, report, folder = measured
    pixels, labels = (
        sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "data" / kind / "s1.png")))[:, ::-1]
        for kind in ("images", "labels")
    )
    found = pipeline.run(pixels.astype(np.float32)).labels
    both = [torch.from_numpy(np.stack([each == value for value in range(4)])[None]).float() for each in (found, labels)]
    expected = compute_dice(*both, include_background=False)[0]
    dice = report["subjects"][0]["dice"]["mirrored left to right"]["changed"]
    assert max(dice.values()) > 0.01
    for name, value in zip(("rib", "thoracic", "lumbar"), expected, strict=True):
        assert dice[name] == pytest.approx(value.item(), rel=1e-5)


def test_an_unreadable_subject_is_left_out_and_named(data, tmp_path):
    (data / "images" / "s1.png").write_bytes(b"no picture")
    report = robustness(data, ByThreshold(), tmp_path / "out", 2)
    assert [row["subject"] for row in report["subjects"]] == ["s2"] and list(report["left out"]) == ["s1"]
    assert "can't be used: s1." in robustness_as_markdown(report)
    with pytest.raises(DatasetError, match="None of the 1 subjects"):
        robustness(data, ByThreshold(), tmp_path / "other", 1)
    assert not (tmp_path / "other").exists()
