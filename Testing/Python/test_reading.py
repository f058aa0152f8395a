"""What hospitals' pictures hold is read as they mean it, in whatever way it is stored."""

import struct
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image
from writers import dicom, itk, negative_tiff

from DAGANSpineLib.errors import ImageError
from DAGANSpineLib.vpi import read_image, read_vpi

FILM = "1.2.840.10008.5.1.4.1.1.3.1"
CAPTURES = "1.2.840.10008.5.1.4.1.1.7.2"  # Multi-frame Grayscale Byte Secondary Capture Image Storage


def test_a_packed_file_is_not_taken_for_the_one_beside_it(pixels, tmp_path):
    itk(tmp_path / "a.nii", np.roll(pixels, 50, 0))
    for name, picture in (("a.nii.gz", pixels), ("a.nii", np.roll(pixels, 50, 0))):
        path = tmp_path / name if name == "a.nii" else itk(tmp_path / name, picture)
        assert np.array_equal(read_vpi(path).pixels, picture), name


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
