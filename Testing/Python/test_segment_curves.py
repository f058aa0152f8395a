"""What `segment` tells of a spine's curves: in its report, its summary, its overlay, and on the terminal."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from drawn_spine import S_SHAPED, DrawnSpine

from DAGANSpineLib.inference import Result, segment_files
from DAGANSpineLib.inference.one_file import former_report
from DAGANSpineLib.report import curve_cells, curves_in_words, overlay, with_lines
from DAGANSpineLib.spine import read


class Sure:
    """A pipeline that finds the labels that it was given, and is sure of them; in a dark picture it finds nothing."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels, self.device, self.model = labels, "cpu", SimpleNamespace(name="sure.pt", sha256="0" * 64)

    def run(self, pixels: np.ndarray, progress, spacing) -> Result:
        labels = self.labels if pixels.max() > 128 else np.zeros_like(self.labels)
        probabilities = np.stack([labels == value for value in range(4)]).astype(np.float32)
        body = np.ones(labels.shape, bool)
        return Result(pixels.astype(np.uint8), labels, probabilities, body, {"segment": 0.1}, [])


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A spine and a picture without any, segmented; the folder."""
    folder = tmp_path_factory.mktemp("curves")
    labels = DrawnSpine(S_SHAPED).labels()
    spine = np.where(labels > 0, 60, 180).astype(np.uint8)
    spine[:, [0, 1, -2, -1]] = 0
    for name, pixels in (("spine", spine), ("nothing", spine // 2)):
        sitk.WriteImage(sitk.GetImageFromArray(pixels), str(folder / f"{name}.png"))
    paths = [folder / "spine.png", folder / "nothing.png"]
    outcomes = segment_files(paths, folder / "out", Sure(labels))
    assert not any(outcome.error for outcome in outcomes)
    return folder


def report_of(results, name):
    return json.loads((results / "out" / name / "report.json").read_text(encoding="utf-8"))


def test_the_report_holds_curves_levels_and_plausibility(results):
    report = report_of(results, "spine")
    curve = max(report["curves"], key=lambda each: each["uca_deg"])
    assert curve["uca_deg"] == pytest.approx(28, abs=2) and curve["convex"] == "right"
    assert {curve["upper"], curve["lower"], curve["apex"]} <= set(report["levels"])
    assert report["plausibility"] > 0.7
    assert "28" in curves_in_words([curve]) or "27" in curves_in_words([curve])
    assert curves_in_words([curve]).endswith(", certain")
    assert curves_in_words([curve | {"confidence": 0.6}]).endswith(", uncertain")


def test_without_a_spine_the_report_gives_no_curves_but_says_why(results):
    report = report_of(results, "nothing")
    assert report["curves"] is None and report["levels"] == {} and report["plausibility"] == 0
    assert any("No curves are given" in warning for warning in report["warnings"])
    assert curves_in_words(None) == "not given" and "none" in curves_in_words([])


def test_the_summary_lists_the_curves_of_each_file(results):
    with (results / "out" / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        spine, nothing = csv.DictReader(file)
    assert float(spine["largest_uca_deg"]) == max(each["uca_deg"] for each in report_of(results, "spine")["curves"])
    assert "right" in spine["curves"] and float(spine["plausibility"]) > 0.7
    assert "uncertain" not in spine["curves"] and spine["names"] == "certain"
    assert nothing["curves"] == nothing["largest_uca_deg"] == nothing["names"] == ""


def test_the_summary_says_which_curves_and_names_are_uncertain():
    curve = {"upper": "T6", "lower": "L1", "uca_deg": 24.1, "convex": "right"}
    trusts = {0.7: "", 0.69: " uncertain", None: " by hand"}
    curves = [curve | {"confidence": confidence} for confidence in trusts]
    cells = curve_cells({"curves": curves, "plausibility": 0.9, "names_confidence": 0.79})
    assert cells["curves"].split("; ") == [f"T6-L1 24.1 right{said}" for said in trusts.values()]
    assert cells["names"] == "uncertain"
    assert curve_cells({"curves": [curve], "plausibility": 0.9, "names_confidence": 0.8})["names"] == "certain"
    assert curve_cells({"curves": [curve], "plausibility": 0.9})["names"] == "", "an earlier version did not say"


def test_the_overlay_says_which_curves_are_uncertain():
    labels = DrawnSpine(S_SHAPED).labels()
    spine, plain = read(labels), overlay(np.full(labels.shape, 90, np.uint8), labels)
    (*others, last) = spine.curves
    doubted = replace(spine, curves=(*others, last.doubted("A bone is missing.")))
    changed = (with_lines(plain, spine) != with_lines(plain, doubted)).any((1, 2))
    assert changed.any() and not changed[: len(labels) - 40].any()


def test_the_overlay_shows_every_line_and_name():
    labels = DrawnSpine(S_SHAPED).labels()
    pixels = np.full(labels.shape, 90, np.uint8)
    spine, plain = read(labels), overlay(pixels, labels)
    drawn = with_lines(plain, spine)
    assert drawn.shape == plain.shape and not np.array_equal(drawn, plain)
    for level in spine.levels:
        row, column = (round(place) for place in level.centre)
        assert (drawn[row, column] != plain[row, column]).any()
        right = round(level.right[1])
        assert (drawn[row - 12 : row + 13, right + 4 :] != plain[row - 12 : row + 13, right + 4 :]).any()


def test_the_overlay_names_no_vertebrae_where_the_bones_form_no_spine():
    labels = DrawnSpine(S_SHAPED).labels()[::-1].copy()  # upside down
    spine, plain = read(labels), overlay(np.full(labels.shape, 90, np.uint8), labels)
    assert spine.curves is None and spine.levels
    assert np.array_equal(with_lines(plain, spine), plain)


def test_lines_and_names_never_leave_the_picture():
    labels = DrawnSpine(np.zeros(17)).labels()[20:, 20:-58]
    picture = with_lines(overlay(np.zeros(labels.shape, np.uint8), labels), read(labels))
    assert picture.shape == (*labels.shape, 3)


def test_results_of_a_version_that_measured_no_curves_are_not_kept(results):
    path, pipeline = results / "spine.png", Sure(np.zeros((1, 1)))
    assert former_report(path, results / "out", pipeline) is not None
    report = results / "out" / "spine" / "report.json"
    former = json.loads(report.read_text(encoding="utf-8"))
    del former["curves"]
    kept = report.read_text(encoding="utf-8")
    report.write_text(json.dumps(former), encoding="utf-8")
    assert former_report(path, results / "out", pipeline) is None
    report.write_text(kept, encoding="utf-8")
