"""What DICOM says of its numbers, colours, tables and sizes is followed, and what it promises has to be there."""

import io
import struct

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from writers import dicom

from DAGANSpineLib.errors import ImageError
from DAGANSpineLib.vpi import read_image, read_vpi


def test_dicom_that_promises_more_than_it_holds_is_refused(pixels, tmp_path):
    short = dicom(tmp_path / "short.dcm", pixels, PixelData=pixels.tobytes()[:-1000])
    frames = dicom(tmp_path / "frames.dcm", pixels, NumberOfFrames=30)
    huge = dicom(tmp_path / "huge.dcm", pixels, Rows=65535, Columns=65535)
    for path in (short, frames):
        with pytest.raises(ImageError, match="cut off or damaged"):
            read_vpi(path)
    with pytest.raises(ImageError, match="50 megapixels"):
        read_vpi(huge)


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
