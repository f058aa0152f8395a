"""Contact sheets: every picture in its place, at its proportions, under its name."""

import numpy as np
import pytest
import SimpleITK as sitk
from writers import write

from DAGANSpineLib.report.contact_sheet import ACROSS, DOWN, page_of, wrapped, write_contact_sheets
from DAGANSpineLib.report.lettering import ADVANCE, HEIGHT, letters


def test_an_overlay_that_was_deleted_meanwhile_has_its_place_on_the_sheet(tmp_path):
    (path,) = write_contact_sheets([("anna", tmp_path / "gone.png")], tmp_path)
    page = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert (page == 60).all(2).sum() > 0.9 * 400 * 192


@pytest.fixture
def overlays(tmp_path):
    """Writes overlays of the usual proportions, one plain colour each."""

    def make(count):
        colours = [(40 + 4 * index % 200, 200 - index, 90) for index in range(count)]
        return [
            (
                f"subject {index}",
                write(tmp_path / f"{index}.png", np.full((800, 200, 3), colour, np.uint8), vector=True),
            )
            for index, colour in enumerate(colours)
        ]

    return make


def test_a_contact_sheet_shows_every_picture_at_its_proportions(overlays, tmp_path):
    pictures = overlays(3)
    (path,) = write_contact_sheets(pictures, tmp_path)
    page = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    for _, source in pictures:
        colour = sitk.GetArrayFromImage(sitk.ReadImage(str(source)))[0, 0]
        places = np.argwhere((np.abs(page.astype(int) - colour) <= 1).all(2))
        rows, columns = np.ptp(places, axis=0) + 1
        assert (rows, columns) == (400, 100) and len(places) == rows * columns


def test_many_pictures_take_as_many_pages_as_they_need_and_former_pages_go(overlays, tmp_path):
    pictures = overlays(2 * ACROSS * DOWN + 2)
    pages = write_contact_sheets(pictures, tmp_path)
    assert [path.name for path in pages] == [f"contact-sheet-0{number}.png" for number in (1, 2, 3)]
    sizes = [sitk.ReadImage(str(path)).GetSize() for path in pages]
    assert sizes[0] == sizes[1] and max(sizes[0]) < 2000 and sizes[2][1] < sizes[0][1] / 2
    assert write_contact_sheets(pictures[:5], tmp_path) == pages[:1]
    assert not pages[1].exists()


def test_a_file_without_results_has_its_place_on_the_sheet():
    page = page_of([("bad", None)], "title")
    grey = (page == 60).all(2)
    assert grey.sum() > 0.9 * 400 * 192


def test_names_stand_above_the_pictures_and_long_ones_keep_both_ends():
    assert wrapped("ben") == ["ben"]
    assert wrapped("simulated-double-curve") == ["simulated-", "double-curve"]
    assert wrapped("a" * 20) == ["a" * 15, "a" * 5]
    lines = wrapped("2026-11-23 " + "x" * 80 + " Größe 7")
    assert len(lines) <= 3 and "".join(lines).startswith("2026-11-23") and "".join(lines).endswith("Gro?e 7")
    page = page_of([("ben", None)], "")
    assert (page == 235).all(2).any()


def test_letters_differ_and_keep_to_their_cell():
    drawn = {character: letters(character, 1) for character in map(chr, range(33, 127))}
    assert {mask.shape for mask in drawn.values()} == {(HEIGHT, ADVANCE)}
    assert len({mask.tobytes() for mask in drawn.values()}) == len(drawn)
    assert not any(mask[:, -1].any() for mask in drawn.values())
    assert letters("L", 1).astype(int).tolist() == [[1, 0, 0, 0, 0, 0]] * 6 + [[1, 1, 1, 1, 1, 0]]
    assert np.array_equal(letters("é", 1), letters("e", 1)) and not letters(" ", 1).any()
