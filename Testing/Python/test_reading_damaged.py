"""Whatever is cut off, damaged or absurd gets a sentence, and costs nothing."""

import bz2
import gzip
import os
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import processes
import pytest
from house import ROOT
from writers import WRITERS, itk, negative_tiff, pillow

from DAGANSpineLib.errors import ImageError
from DAGANSpineLib.vpi import read_image, read_vpi


@pytest.mark.parametrize("share", [0.07, 0.5, 0.97])
@pytest.mark.parametrize("ending", [*WRITERS, "packed nrrd", "packed mha"])
def test_what_is_cut_off_is_refused(ending, share, pixels, tmp_path):
    path = tmp_path / f"a.{ending.split()[-1]}"
    writer = WRITERS[path.name[2:]]
    writer(path, pixels, True) if "packed" in ending else writer(path, pixels)
    read_vpi(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ImageError, match="can't be read as an image"):
        read_vpi(path)


@pytest.mark.parametrize("ending", ["png", "nrrd", "mha", "nii.gz"])
def test_one_flipped_byte_in_packed_pixels_is_refused(ending, pixels, tmp_path):
    path = tmp_path / f"a.{ending}"
    (pillow if ending == "png" else lambda path, array: itk(path, array, True))(path, pixels)
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4] ^= 16
    path.write_bytes(content)
    with pytest.raises(ImageError, match="can't be read as an image"):
        read_vpi(path)


@pytest.mark.parametrize("ending", ["nhdr", "mhd"])
def test_a_header_whose_data_are_missing_or_short_is_refused(ending, pixels, tmp_path):
    path = itk(tmp_path / f"a.{ending}", pixels)
    data = tmp_path / "a.raw"
    assert np.array_equal(read_vpi(path).pixels, pixels)
    data.write_bytes(data.read_bytes()[:-100])
    for _each in range(2):
        with pytest.raises(ImageError, match=r"cut off or damaged"):
            read_vpi(path)
        data.unlink(missing_ok=True)


def test_a_file_with_more_than_its_header_says_is_refused(pixels, tmp_path):
    narrow = {"mhd": ("a.mhd", b"DimSize = 80 240", b"DimSize = 79 240"), "nrrd": ("a.nrrd", b"80 240", b"79 240")}
    for ending, (name, said, instead) in narrow.items():
        path = itk(tmp_path / name, pixels, ending == "nrrd")
        content = path.read_bytes()
        assert said in content
        path.write_bytes(content.replace(said, instead))
        with pytest.raises(ImageError, match=r"holds more than the 79 × 240 pixels that its header says"):
            read_vpi(path)
    (tmp_path / "b.nrrd").write_bytes(
        b"NRRD0004\ntype: uchar\ndimension: 2\nsizes: 80 240\nencoding: raw\nbyte skip: -1\n\njunk"
        + bytes(500)
        + pixels.tobytes()
    )
    assert np.array_equal(read_vpi(tmp_path / "b.nrrd").pixels, pixels)  # which begins so far from its end


def test_what_a_header_says_of_packing_is_believed(pixels, tmp_path):
    packed = zlib.compress(pixels.tobytes())
    said = "ObjectType = Image\nNDims = 2\nDimSize = 80 240\nElementType = MET_UCHAR\nCompressedData = True\n"
    for size, whole in ((len(packed), True), (len(packed) - 500, False)):
        head = f"{said}CompressedDataSize = {size}\nElementDataFile = LOCAL\n"
        (tmp_path / "a.mha").write_bytes(head.encode() + packed)
        if whole:
            assert np.array_equal(read_vpi(tmp_path / "a.mha").pixels, pixels)
        else:
            with pytest.raises(ImageError, match="cut off or damaged"):
                read_vpi(tmp_path / "a.mha")
    head = b"NRRD0004\ntype: uchar\ndimension: 2\nsizes: 80 240\nspacings: 0.5 0.25\nencoding: bzip2\n"
    (tmp_path / "a.nrrd").write_bytes(head + b"\n" + bz2.compress(pixels.tobytes()))
    (tmp_path / "b.nhdr").write_bytes(head + b"data file: b.bz2\n")
    (tmp_path / "b.bz2").write_bytes(bz2.compress(pixels.tobytes()))
    for name in ("a.nrrd", "b.nhdr"):
        read = read_vpi(tmp_path / name)
        assert np.array_equal(read.pixels, pixels)
        assert read.spacing == (0.25, 0.5)
    for junk in (b"junk", bz2.compress(pixels.tobytes())[:50]):  # of which, with a size of 0, nothing is asked for
        (tmp_path / "c.nrrd").write_bytes(head.replace(b"80 240", b"0 240") + b"\n" + junk)
        with pytest.raises(ImageError, match="can't be read"):
            read_image(tmp_path / "c.nrrd")


def test_pixels_do_not_begin_within_a_header(pixels, tmp_path):
    for offset in (0, 10):
        header = bytearray(nifti((80, 240)))
        struct.pack_into("<f", header, 108, offset)
        (tmp_path / "a.nii").write_bytes(bytes(header) + pixels.tobytes())
        with pytest.raises(ImageError, match="cut off or damaged"):
            read_vpi(tmp_path / "a.nii")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 8}])
def test_what_libjpeg_complains_of_is_refused(pixels, tmp_path, options):
    content = pillow(tmp_path / "a.jpg", pixels, **options).read_bytes()
    middle = len(content) // 2
    (tmp_path / "a.jpg").write_bytes(content + b"what follows a picture is no part of it" * 9)
    read_vpi(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(content[:middle] + b"\xff\xd9" + content[middle + 2 :])
    with pytest.raises(ImageError, match="cut off or damaged"):
        read_vpi(tmp_path / "a.jpg")


def nifti(size, spacing=1.0):
    """A NIfTI header of 8 bits, and no pixels."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(size), *size, *[1] * (7 - len(size)))
    struct.pack_into("<hh", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, 1, *[spacing] * 7)
    struct.pack_into("<f", header, 108, 352)
    header[344:348] = b"n+1\0"
    return bytes(header)


def claims(folder):
    """Small files that say that they are large."""
    zeros = zlib.compress(bytes(48_000_000), 9)
    yield "a.nii.gz", gzip.compress(nifti((32767, 32767)) + bytes(48_000_000))
    yield "b.nii", nifti((32767, 32767, 100))
    yield "c.nrrd", b"NRRD0004\ntype: uchar\ndimension: 2\nsizes: 60000 60000\nencoding: gzip\n\n" + zeros[:40_000]
    cube = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 900 900 900\nencoding: gzip\n\n"
    yield "d.nrrd", cube + gzip.compress(b"\0" * 999)
    yield (
        "e.mha",
        (
            b"ObjectType = Image\nNDims = 3\nDimSize = 900 900 900\nElementType = MET_UCHAR\nCompressedData = True\n"
            b"ElementDataFile = LOCAL\n" + zeros
        ),
    )
    yield "f.nrrd", b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 99999999999 9999 9999\nencoding: raw\n\n"
    yield "g.nrrd", b"NRRD0004\ntype: uchar\ndimension: 2\nsizes: " + b"9" * 5000 + b" 2\nencoding: raw\n\n"
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    yield "h.png", b"\x89PNG\r\n\x1a\n\0\0\0\r" + chunk + struct.pack(">I", zlib.crc32(chunk))


def test_small_files_that_claim_to_be_large_cost_nothing(tmp_path):
    for name, content in claims(tmp_path):
        (tmp_path / name).write_bytes(content)
        begin = time.process_time()
        with pytest.raises(ImageError):
            read_image(tmp_path / name)
        assert time.process_time() - begin < 2, name


def read_claims(say, folder):
    """Says the most memory that this process has had, before it read anything and afterwards."""
    import resource

    say.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    for name, content in claims(folder):
        (folder / name).write_bytes(content)
        with pytest.raises(ImageError):
            read_image(folder / name)
    say.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def test_small_files_that_claim_to_be_large_take_no_memory(tmp_path):
    """In a process of its own: what another test has had once would hide what is had here."""
    pytest.importorskip("resource", reason="Windows tells no peak of memory")
    process, hear = processes.start(read_claims, tmp_path)
    before, after = hear.recv(), hear.recv()
    process.join()
    assert after - before < 400_000 * (1024 if sys.platform == "darwin" else 1)  # kB, but bytes under macOS


def test_large_volumes_are_no_more_refused_than_they_take(tmp_path):
    """Not to be taken for eight times as large as they are."""
    voxels = np.broadcast_to(np.uint8(7), (150, 1000, 1000))
    (tmp_path / "a.nrrd").write_bytes(
        b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 1000 1000 150\nencoding: raw\n\n" + voxels.tobytes()
    )
    assert read_image(tmp_path / "a.nrrd").image.GetSize() == (1000, 1000, 150)


def test_sheared_axes_and_axes_that_are_no_numbers_have_their_own_sentence(pixels, tmp_path):
    header = bytearray(nifti((80, 240, 1)))
    struct.pack_into("<h", header, 254, 1)
    struct.pack_into("<12f", header, 280, 1, 0.8, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    (tmp_path / "sheared.nii").write_bytes(bytes(header) + pixels.tobytes())
    struct.pack_into("<12f", header, 280, float("nan"), 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    (tmp_path / "nan.nii").write_bytes(bytes(header) + pixels.tobytes())
    path = itk(tmp_path / "nan.nrrd", pixels[None])
    content = path.read_bytes()
    assert b"(1,0,0)" in content
    path.write_bytes(content.replace(b"(1,0,0)", b"(nan,0,0)"))
    for name in ("sheared.nii", "nan.nii", "nan.nrrd"):
        with pytest.raises(ImageError, match="right angles"):
            read_image(tmp_path / name)


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode under Windows")
def test_libraries_print_nothing_beside_the_sentence_and_odd_names_end_no_process(pixels, tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9"
    for ending in (b".nrrd", b".nii.gz", b".mha", b".png", b".dcm"):
        made = WRITERS[ending.decode()[1:]](tmp_path / f"a{ending.decode()}", pixels)
        os.rename(made, name + ending)
    itk(tmp_path / "b.mha", pixels, True)
    (tmp_path / "b.mha").write_bytes((tmp_path / "b.mha").read_bytes()[:-200])
    faxed = negative_tiff(tmp_path / "c.tif", 255 - pixels, 8)  # which a fax's compression can't be
    packing = struct.pack("<HHII", 259, 4, 1, 1)
    assert faxed.read_bytes().count(packing) == 1
    faxed.write_bytes(faxed.read_bytes().replace(packing, struct.pack("<HHII", 259, 4, 1, 4)))
    program = (
        "import sys; from pathlib import Path; from DAGANSpineLib.vpi import read_vpi\n"
        "from DAGANSpineLib.errors import ImageError\nfor path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try: print(read_vpi(path).pixels.shape)\n    except ImageError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["(240, 80)"] * 5 + ["refused"] * 2
