"""What hospitals' files hold is read as they mean it, and whatever is cut off, damaged or absurd gets a sentence."""

import bz2
import gzip
import io
import os
import resource
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from DAGANSpineLib.errors import ImageError
from DAGANSpineLib.vpi import read_image, read_vpi

ROOT = Path(__file__).resolve().parents[2]
US, FILM = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
CAPTURES = "1.2.840.10008.5.1.4.1.1.7.2"  # Multi-frame Grayscale Byte Secondary Capture Image Storage


@pytest.fixture(scope="module")
def pixels():
    """uint8 (240, 80): noise, so that nothing packs well, within a black margin, from 0 to 255."""
    picture = np.zeros((240, 80), np.uint8)
    picture[20:220, 10:70] = np.random.default_rng(0).integers(0, 256, (200, 60))
    return picture


def itk(path, array, compress=False, **geometry):
    image = sitk.GetImageFromArray(array)
    for name, value in geometry.items():
        getattr(image, f"Set{name}")(value)
    sitk.WriteImage(image, str(path), useCompression=compress)
    return path


def dicom(path, array, **elements):
    """A DICOM file of ultrasound; `elements` are put in last, whatever they are."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = elements.pop("SOPClassUID", US)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3.4"
    dataset.Modality, dataset.PhotometricInterpretation = "US", "MONOCHROME2" if array.ndim == 2 else "RGB"
    dataset.Rows, dataset.Columns = array.shape[:2]
    dataset.SamplesPerPixel = 1 if array.ndim == 2 else 3
    if array.ndim == 3:
        dataset.PlanarConfiguration = 0
    bits = 8 * array.itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(array.dtype.kind == "i")
    dataset.PixelData = array.tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def pillow(path, array, mode=None, **options):
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


WRITERS = {
    "png": pillow, "jpg": pillow, "tif": pillow, "bmp": pillow, "gif": pillow, "webp": pillow, "nrrd": itk, "mha": itk,
    "nii": itk, "nii.gz": itk, "dcm": dicom,
}  # fmt: skip


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


def test_a_packed_file_is_not_taken_for_the_one_beside_it(pixels, tmp_path):
    itk(tmp_path / "a.nii", np.roll(pixels, 50, 0))
    for name, picture in (("a.nii.gz", pixels), ("a.nii", np.roll(pixels, 50, 0))):
        path = tmp_path / name if name == "a.nii" else itk(tmp_path / name, picture)
        assert np.array_equal(read_vpi(path).pixels, picture), name


def test_dicom_that_promises_more_than_it_holds_is_refused(pixels, tmp_path):
    short = dicom(tmp_path / "short.dcm", pixels, PixelData=pixels.tobytes()[:-1000])
    frames = dicom(tmp_path / "frames.dcm", pixels, NumberOfFrames=30)
    huge = dicom(tmp_path / "huge.dcm", pixels, Rows=65535, Columns=65535)
    for path in (short, frames):
        with pytest.raises(ImageError, match="cut off or damaged"):
            read_vpi(path)
    with pytest.raises(ImageError, match="50 megapixels"):
        read_vpi(huge)


def negative_tiff(path, stored, bits, kind=1):
    """An uncompressed TIFF where white is zero, tag by tag, as Pillow writes none."""
    order = "<"
    tags = {256: stored.shape[1], 257: stored.shape[0], 258: bits, 259: 1, 262: 0, 273: 8, 277: 1,
            278: stored.shape[0], 279: stored.nbytes, 339: kind}  # fmt: skip
    data = stored.tobytes()
    data += b"\0" * (len(data) % 2)
    directory = struct.pack(order + "H", len(tags))
    for tag, value in sorted(tags.items()):
        directory += struct.pack(order + "HHII", tag, 4, 1, value)
    path.write_bytes(b"II*\0" + struct.pack(order + "I", 8 + len(data)) + data + directory + b"\0" * 4)
    return path


def test_white_is_zero_is_no_negative(pixels, tmp_path):
    for stored, bits, kind in (
        (255 - pixels, 8, 1),
        (65535 - pixels.astype(np.uint16) * 257, 16, 1),
        ((1 - pixels / 255).astype(np.float32), 32, 3),
    ):
        read = read_vpi(negative_tiff(tmp_path / "a.tif", np.ascontiguousarray(stored), bits, kind)).pixels
        np.testing.assert_allclose(read, pixels, atol=0.01)


def test_every_way_to_store_a_grey_picture_gives_the_same_pixels(pixels, tmp_path):
    picture, opaque = Image.fromarray(pixels), Image.new("L", pixels.shape[::-1], 255)
    palette = Image.fromarray(255 - pixels, mode="P")
    palette.putpalette([value for level in range(255, -1, -1) for value in (level, level, level)])
    shades = {
        "grey with opacity.png": Image.merge("LA", [picture, opaque]),
        "grey with opacity.tif": Image.merge("LA", [picture, opaque]),
        "colours with opacity.png": Image.merge("RGBA", [picture, picture, picture, opaque]),
        "palette.png": palette, "palette.bmp": palette, "palette.gif": palette, "palette.tif": palette,
        "inks.tif": Image.merge("CMYK", [Image.new("L", picture.size)] * 3 + [Image.fromarray(255 - pixels)]),
        "16 bits.png": Image.fromarray(pixels.astype(np.uint16) * 257),
        "16 bits.tif": Image.fromarray(pixels.astype(np.uint16) * 257),
        "fractions.tif": Image.fromarray((pixels / 255).astype(np.float32)),
        "lossless.webp": picture,
    }  # fmt: skip
    for name, each in shades.items():
        each.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    picture.save(tmp_path / "packed.tif", compression="tiff_lzw")
    picture.rotate(90, expand=True).save(tmp_path / "lying.png", exif=orientation(6))
    sitk.WriteImage(
        sitk.GetImageFromArray(np.repeat(pixels[..., None].astype(np.uint16) * 257, 3, 2), isVector=True),
        str(tmp_path / "deep colours.png"),
    )
    (tmp_path / "called otherwise.nrrd").write_bytes((tmp_path / "16 bits.png").read_bytes())
    for path in sorted(tmp_path.iterdir()):
        np.testing.assert_allclose(read_vpi(path).pixels, pixels, atol=0.51, err_msg=path.name)


def deep(pixels):
    """Colours of 16 bits, with white where nothing is seen: (rows, columns, 4)."""
    seen = pixels > 0
    return np.stack([*[np.where(seen, pixels * np.uint16(257), 65535)] * 3, seen * np.uint16(65535)], -1)


def test_deep_colours_are_turned_and_seen_through_as_shallow_ones(pixels, tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(deep(pixels), isVector=True), str(tmp_path / "a.png"))
    np.testing.assert_allclose(read_vpi(tmp_path / "a.png").pixels, pixels, atol=0.51)
    turned = {2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1], 5: pixels.T, 6: np.rot90(pixels),
              7: np.rot90(pixels.T, 2), 8: np.rot90(pixels, 3)}  # fmt: skip
    for number, stored in turned.items():
        path = tmp_path / "b.png"
        sitk.WriteImage(
            sitk.GetImageFromArray(deep(stored)[..., :3] * (stored > 0)[..., None], isVector=True), str(path)
        )
        tags = orientation(number).tobytes().removeprefix(b"Exif\0\0")
        chunk = b"eXIf" + tags
        whole = struct.pack(">I", len(tags)) + chunk + struct.pack(">I", zlib.crc32(chunk))
        content = path.read_bytes()
        path.write_bytes(content[:33] + whole + content[33:])  # behind the header
        np.testing.assert_allclose(read_vpi(path).pixels, pixels, atol=0.51, err_msg=str(number))


def plain_tiff(path, data, size, **tags):
    """An uncompressed TIFF in strips or planes, tag by tag."""
    rows, columns = size
    codes = {"bits": 258, "photometric": 262, "samples": 277, "strip_rows": 278, "planes": 284, "numbers": 339}
    places = [8 + sum(map(len, data[:index])) for index in range(len(data))]
    entries = {256: [columns], 257: [rows], 258: [8], 259: [1], 262: [1], 273: places, 277: [1], 278: [rows],
               279: list(map(len, data))}  # fmt: skip
    entries |= {codes[name]: value if isinstance(value, list) else [value] for name, value in tags.items()}
    body = b"".join(data)
    directory, beyond = b"", b""
    begin = 8 + len(body) + 2 + 12 * len(entries) + 4
    for tag, values in sorted(entries.items()):
        packed = struct.pack(f"<{len(values)}I", *values)
        place = packed if len(values) == 1 else struct.pack("<I", begin + len(beyond))
        beyond += b"" if len(values) == 1 else packed
        directory += struct.pack("<HHI", tag, 4, len(values)) + place
    head = b"II*\0" + struct.pack("<I", 8 + len(body))
    path.write_bytes(head + body + struct.pack("<H", len(entries)) + directory + bytes(4) + beyond)
    return path


def test_tiffs_that_libraries_misread_are_read_or_refused(pixels, tmp_path):
    size, sixteen = pixels.shape, pixels * np.uint16(257)
    twelve = np.stack([pixels * np.uint16(16)] * 3, -1)  # in 16 bits, of which Pillow leaves the upper 8
    signed = (pixels.astype(np.int16) - 128).astype(np.int8)
    for path in (
        plain_tiff(tmp_path / "a.tif", [signed.tobytes()], size, numbers=2),
        plain_tiff(tmp_path / "b.tif", [twelve.tobytes()], size, bits=[16] * 3, photometric=2, samples=3),
    ):
        np.testing.assert_allclose(read_vpi(path).pixels, pixels, atol=0.51)
    colours = {"photometric": 2, "samples": 3, "planes": 2}
    for path in (
        plain_tiff(tmp_path / "c.tif", [(pixels / 255).astype(np.float16).tobytes()], size, bits=16, numbers=3),
        plain_tiff(tmp_path / "d.tif", [(pixels / 255).tobytes()], size, bits=64, numbers=3),
        plain_tiff(tmp_path / "e.tif", [sixteen.tobytes()] * 3, size, bits=[16] * 3, **colours),
    ):
        with pytest.raises(ImageError, match="pixels that can't be read"):
            read_vpi(path)
    strips = [pixels[first : first + 10].tobytes() for first in range(0, len(pixels), 10)]
    assert np.array_equal(read_vpi(plain_tiff(tmp_path / "f.tif", strips, size, strip_rows=10)).pixels, pixels)
    with pytest.raises(ImageError, match="cut off or damaged"):
        read_vpi(plain_tiff(tmp_path / "f.tif", strips[:-5], size, strip_rows=10))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 8}])
def test_what_libjpeg_complains_of_is_refused(pixels, tmp_path, options):
    content = pillow(tmp_path / "a.jpg", pixels, **options).read_bytes()
    middle = len(content) // 2
    (tmp_path / "a.jpg").write_bytes(content + b"what follows a picture is no part of it" * 9)
    read_vpi(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(content[:middle] + b"\xff\xd9" + content[middle + 2 :])
    with pytest.raises(ImageError, match="cut off or damaged"):
        read_vpi(tmp_path / "a.jpg")


def orientation(number):
    tags = Image.Exif()
    tags[0x0112] = number
    return tags


def test_what_is_transparent_is_black(pixels, tmp_path):
    seen = (pixels > 0).astype(np.uint8) * 255
    page = np.where(seen, pixels, 255).astype(np.uint8)
    Image.merge("LA", [Image.fromarray(page), Image.fromarray(seen)]).save(tmp_path / "a.png")
    assert np.array_equal(read_vpi(tmp_path / "a.png").pixels, pixels)


def test_films_and_sweeps_are_refused_in_plain_words(pixels, tmp_path):
    frames = [Image.fromarray(np.roll(pixels, 9 * index, 0)) for index in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    film = np.repeat(pixels[None], 30, 0)
    dicom(tmp_path / "a.dcm", pixels, NumberOfFrames=30, PixelData=film.tobytes(), SOPClassUID=FILM, FrameTime="33.3")
    colours = np.repeat(film[..., None], 3, -1).tobytes()
    dicom(tmp_path / "b.dcm", pixels, NumberOfFrames=30, PixelData=colours, SOPClassUID=FILM, FrameTime="33.3",
          SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL", PlanarConfiguration=0)  # fmt: skip
    # neither a film's times nor a volume's places: nothing says how far apart its pictures lie
    dicom(tmp_path / "c.dcm", pixels, NumberOfFrames=30, PixelData=film.tobytes(), SOPClassUID=CAPTURES)
    for name, count in (("a.gif", 3), ("a.dcm", 30), ("b.dcm", 30), ("c.dcm", 30)):
        with pytest.raises(ImageError, match=f"a film of {count} pictures"):
            read_image(tmp_path / name)
    sweep = itk(tmp_path / "a.igs.mha", np.repeat(pixels[None], 21, 0)).read_bytes()
    status = b"".join(b"Seq_Frame%04d_Timestamp = %d\n" % (index, index) for index in range(21))
    for said in (status, b"UltrasoundImageOrientation = MFA\n"):  # as older versions of Plus write no transforms
        (tmp_path / "a.igs.mha").write_bytes(sweep.replace(b"ElementDataFile", said + b"ElementDataFile"))
        with pytest.raises(ImageError, match=r"tracked sweep of 21 B-scans.*reconstruct"):
            read_image(tmp_path / "a.igs.mha")


def region(units=3, delta=0.025, size=80):
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = 1, 1
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta, 2 * delta
    item.RegionLocationMinX0 = item.RegionLocationMinY0 = 0
    item.RegionLocationMaxX1 = item.RegionLocationMaxY1 = size
    return item


def test_dicom_says_what_its_numbers_mean(pixels, tmp_path):
    deep = pixels.astype(np.int16) * 16
    padded = np.where(pixels > 0, deep, -32768).astype(np.int16)
    inside = np.where(pixels > 0, pixels, 0)
    written = {
        "negative": dicom(tmp_path / "1", 255 - pixels, PhotometricInterpretation="MONOCHROME1"),
        "window": dicom(tmp_path / "2", pixels.astype(np.uint16) * 20 + 300, WindowCenter="2850.5",
                        WindowWidth="5101"),
        "rescaled": dicom(tmp_path / "3", pixels.astype(np.uint16), RescaleSlope="4", RescaleIntercept="-1024"),
        "padding": dicom(tmp_path / "4", padded, PixelPaddingValue=-32768),
        "padding without a word": dicom(tmp_path / "5", padded),
        "colours": dicom(tmp_path / "6", np.stack([pixels, *[np.full_like(pixels, 128)] * 2], -1),
                         PhotometricInterpretation="YBR_FULL"),
    }  # fmt: skip
    for name, path in written.items():
        np.testing.assert_allclose(read_vpi(path).pixels, inside, atol=1.01, err_msg=name)


def test_elements_of_dicom_that_say_nothing_are_none(pixels, tmp_path):
    deep = pixels.astype(np.uint16) * 16
    for name in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PixelSpacing", "NumberOfFrames",
                 "ImagePositionPatient", "ImageOrientationPatient"):  # fmt: skip
        read = read_vpi(dicom(tmp_path / name, deep, **{"WindowCenter": "2048", "WindowWidth": "4096", name: ""}))
        np.testing.assert_allclose(read.pixels, pixels, atol=1.01, err_msg=name)
    assert read_vpi(dicom(tmp_path / "a", pixels, PixelSpacing="0.2")).spacing is None


def test_dicom_of_old_scanners_is_read(pixels, tmp_path):
    """12 bits in the upper part of 16; no preamble; no header that says how the bytes lie."""
    upper = dicom(tmp_path / "upper", pixels.astype(np.uint16) << 8, BitsStored=12, HighBit=15)
    whole = dicom(tmp_path / "whole", pixels)
    (tmp_path / "bare").write_bytes(whole.read_bytes()[132:])
    dataset = pydicom.dcmread(whole)
    dataset.file_meta = FileMetaDataset()
    dataset.save_as(tmp_path / "headless", implicit_vr=True, little_endian=True)
    for path in (upper, tmp_path / "bare", tmp_path / "headless"):
        assert np.abs(read_vpi(path).pixels - pixels).max() <= 0.51, path


def test_dicom_in_unknown_colours_is_called_so(pixels, tmp_path):
    for kind in ("ARGB", "", "FOO"):
        with pytest.raises(ImageError, match="pixels that can't be read"):
            read_image(dicom(tmp_path / "a.dcm", pixels, PhotometricInterpretation=kind))


def test_a_palette_in_dicom_is_looked_up(pixels, tmp_path):
    turned = (np.arange(255, -1, -1, dtype=np.uint16) * 257).tobytes()
    tables = {f"{colour}PaletteColorLookupTableData": turned for colour in ("Red", "Green", "Blue")}
    tables |= {f"{colour}PaletteColorLookupTableDescriptor": [256, 0, 16] for colour in ("Red", "Green", "Blue")}
    path = dicom(tmp_path / "a.dcm", 255 - pixels, PhotometricInterpretation="PALETTE COLOR", **tables)
    np.testing.assert_allclose(read_vpi(path).pixels, pixels, atol=0.01)


def test_tables_and_presentations_in_dicom_are_followed(pixels, tmp_path):
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [256, 0, 16], "US"
    table.LUTData = (np.arange(255, -1, -1, dtype=np.uint16) * 257).tobytes()
    table["LUTData"].VR = "OW"
    for name, said in (
        ("modality", {"ModalityLUTSequence": [table]}),
        ("window", {"VOILUTSequence": [table]}),
        ("presentation", {"PresentationLUTShape": "INVERSE"}),
    ):
        read = read_vpi(dicom(tmp_path / name, 255 - pixels, **said)).pixels
        np.testing.assert_allclose(read, pixels, atol=0.01, err_msg=name)


def test_dicom_that_holds_more_than_it_says_is_refused(pixels, tmp_path):
    assert np.array_equal(
        read_vpi(dicom(tmp_path / "a", pixels, PixelData=pixels.tobytes() + bytes(40))).pixels, pixels
    )
    for said in ({"Columns": 79}, {"Rows": 200}, {"PixelData": pixels.tobytes() * 3}):
        with pytest.raises(ImageError, match="holds more than"):
            read_vpi(dicom(tmp_path / "a", pixels, **said))


def test_a_jpeg_in_dicom_that_ends_early_is_refused(pixels, tmp_path):
    whole = as_jpeg(pixels)
    for content, read in ((whole, True), (whole[: len(whole) // 2] + b"\xff\xd9", False)):
        dataset = pydicom.dcmread(dicom(tmp_path / "a.dcm", pixels))
        dataset.PixelData = pydicom.encaps.encapsulate([content])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
        dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        if read:
            read_vpi(tmp_path / "a.dcm")
        else:
            with pytest.raises(ImageError, match="cut off or damaged"):
                read_vpi(tmp_path / "a.dcm")


def test_a_jpeg_in_dicom_that_claims_to_be_enormous_is_refused_before_it_is_unpacked(pixels, tmp_path):
    content = bytearray(as_jpeg(pixels))
    begin = content.index(b"\xff\xc0")
    content[begin + 5 : begin + 9] = struct.pack(">HH", 65000, 65000)
    dataset = pydicom.dcmread(dicom(tmp_path / "a.dcm", pixels))
    dataset.PixelData = pydicom.encaps.encapsulate([bytes(content)])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(ImageError, match="65000"):
        read_vpi(tmp_path / "a.dcm")
    dataset.PixelData = pydicom.encaps.encapsulate([as_jpeg(pixels), as_jpeg(pixels), bytes(content), as_jpeg(pixels)])
    dataset["PixelData"].VR = "OB"
    dataset.NumberOfFrames, dataset.SpacingBetweenSlices, dataset.SliceThickness = 4, "0.5", "0.5"
    dataset.save_as(tmp_path / "volume.dcm", enforce_file_format=True)
    with pytest.raises(ImageError, match="65000"):
        read_image(tmp_path / "volume.dcm")


def as_jpeg(pixels):
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "JPEG", quality=95)
    return held.getvalue()


@pytest.mark.parametrize("share", [0.4, 0.9])
def test_packed_dicom_is_read_and_one_that_is_cut_off_is_refused(pixels, tmp_path, share):
    held = io.BytesIO()
    smooth = np.tile(np.linspace(0, 255, 240, dtype=np.uint8)[:, None], (1, 80))
    Image.fromarray(smooth).save(held, "JPEG", quality=95)
    dataset = pydicom.dcmread(dicom(tmp_path / "a.dcm", smooth))
    dataset.PixelData = pydicom.encaps.encapsulate([held.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert np.abs(read_vpi(tmp_path / "a.dcm").pixels - smooth).max() < 6
    content = (tmp_path / "a.dcm").read_bytes()
    begin = content.index(b"\xff\xd8\xff")
    (tmp_path / "a.dcm").write_bytes(content[: begin + int(share * (len(content) - begin))])
    with pytest.raises(ImageError, match="can't be read as an image"):
        read_vpi(tmp_path / "a.dcm")


def test_ultrasound_keeps_its_pixel_size_by_region(pixels, tmp_path):
    regions = [region(size=20, delta=0.5), region(), region(units=4, size=200)]
    known = read_vpi(dicom(tmp_path / "a.dcm", pixels, SequenceOfUltrasoundRegions=regions))
    assert known.spacing == pytest.approx((0.5, 0.25))
    assert known.image.GetSpacing()[:2] == pytest.approx((0.25, 0.5))
    direct = read_vpi(dicom(tmp_path / "b.dcm", pixels, PixelSpacing=[0.3, 0.2]))
    assert direct.spacing == pytest.approx((0.3, 0.2))
    nowhere = [region(delta=delta) for delta in (float("nan"), float("inf"), 0.0)]
    regions = [{"SequenceOfUltrasoundRegions": [each]} for each in (region(units=4), *nowhere)]
    for elements in ({}, *regions, {"PixelSpacing": [0, 0]}):
        assert read_vpi(dicom(tmp_path / "c.dcm", pixels, **elements)).spacing is None


def test_dicom_without_a_picture_is_refused(tmp_path, pixels):
    path = dicom(tmp_path / "report", pixels)
    dataset = pydicom.dcmread(path)
    del dataset.PixelData, dataset.Rows
    dataset.save_as(path)
    with pytest.raises(ImageError, match="without a picture"):
        read_vpi(path)


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
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, content in claims(tmp_path):
        (tmp_path / name).write_bytes(content)
        begin = time.process_time()
        with pytest.raises(ImageError):
            read_image(tmp_path / name)
        assert time.process_time() - begin < 2, name
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


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
