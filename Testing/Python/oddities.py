"""Odd files, drawn by hypothesis: pictures in every coding, as hospitals send them, and what goes wrong with files."""

from __future__ import annotations

import gzip
import io
import json
import struct
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from hypothesis import strategies as st
from PIL import Image
from writers import dicom

ENDINGS = ("png", "jpg", "tif", "bmp", "gif", "webp", "nrrd", "nii", "nii.gz", "mha", "dcm")
LOSSLESS = ("png", "tif", "bmp", "nrrd", "nii", "nii.gz", "mha", "dcm")
INTEGERS = {"8 bits": (1, 0, np.uint8), "12 bits": (16, 0, np.uint16), "16 bits": (257, 0, np.uint16),
            "signed": (8, -1024, np.int16)}  # fmt: skip
FRACTIONS = {"fractions": (1 / 255, 0), "-1 to 1": (1 / 127.5, -1), "scores": (0.012, -0.9), "huge": (1e30, 0)}
NUMBERS = st.sampled_from([0, 1, -1, 2, 255, 32767, 65535, 2**31 - 1, 2**31, 2**63 - 1, -(2**31)])


def spine_of(rows: int, columns: int, seed: int) -> np.ndarray:
    """A picture with a black margin and a body, saturated in places. uint8 (rows, columns)."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[:rows, :columns]
    body = np.abs(across - columns / 2) < columns * 0.35
    body &= (down > rows * 0.06) & (down < rows * 0.94)
    texture = 150 + 60 * np.sin(down / 9 + seed) * np.cos(across / 7) + rng.normal(0, 25, (rows, columns))
    texture[rng.random((rows, columns)) < 0.02] = 0
    return np.where(body, texture.clip(0, 255), 0).astype(np.uint8)


@st.composite
def pictures(draw) -> np.ndarray:
    return spine_of(draw(st.integers(40, 300)), draw(st.integers(40, 150)), draw(st.integers(0, 99)))


@st.composite
def twins(draw) -> tuple[np.ndarray, str, str]:
    """A picture, and a coding and an ending that can hold it without loss."""
    ending = draw(st.sampled_from(LOSSLESS))
    codings = list(INTEGERS) + (list(FRACTIONS) if ending in ("nrrd", "nii", "nii.gz", "mha", "tif") else [])
    coding = draw(st.sampled_from(codings if ending not in ("bmp",) else ["8 bits"]))
    if ending == "png" and coding == "signed":
        coding = "16 bits"
    if ending == "tif" and coding == "signed":
        coding = "12 bits"
    return draw(pictures()), coding, ending


def coded(picture: np.ndarray, coding: str) -> np.ndarray:
    if coding in INTEGERS:
        factor, offset, kind = INTEGERS[coding]
        return (picture.astype(np.int64) * factor + offset).astype(kind)
    factor, offset = FRACTIONS[coding]
    return (picture * factor + offset).astype(np.float32)


def write(array: np.ndarray, ending: str, path: Path) -> Path:
    if ending == "dcm":
        return dicom(path, array)
    if ending in ("png", "jpg", "tif", "bmp", "gif", "webp"):
        Image.fromarray(array).save(path)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path), useCompression=ending in ("nrrd", "mha"))
    return path


@st.composite
def damages(draw, content: bytes) -> bytes:
    """A file's bytes, cut off, flipped, written over or with another file's end."""
    changed = bytearray(content)
    for _damage in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["cut", "flip", "fill", "number", "repeat", "header"]))
        at = draw(st.integers(0, max(len(changed) - 1, 0)))
        if kind == "header":
            at = min(at, draw(st.integers(0, 600)))
        if kind == "cut":
            del changed[at:]
        elif kind in ("flip", "header") and changed:
            changed[min(at, len(changed) - 1)] ^= draw(st.integers(1, 255))
        elif kind == "fill":
            changed[at : at + 50] = bytes([draw(st.integers(0, 255))]) * 50
        elif kind == "number":
            packing = draw(st.sampled_from(["<H", ">H", "<I", ">I", "<d", "<q"]))
            number = draw(NUMBERS) % (1 << (8 * struct.calcsize(packing) - 1))
            changed[at : at + struct.calcsize(packing)] = struct.pack(packing, number)
        else:
            changed[at:at] = changed[at : at + draw(st.integers(1, 500))]
    return bytes(changed)


@st.composite
def odd_headers(draw) -> tuple[str, bytes]:
    """The name and content of a file whose header says odd things of hardly any pixels."""
    numbers = draw(st.lists(NUMBERS | st.integers(-5, 70000) | st.just(10**400), min_size=0, max_size=5))
    sizes = " ".join(map(str, numbers))
    word = draw(
        st.sampled_from(["uchar", "short", "float", "double", "block", "", "unsigned char", "MET_UCHAR", "int"])
    )
    packing = draw(st.sampled_from(["raw", "gzip", "bzip2", "hex", "ascii", "none", "zrl"]))
    pixels = draw(st.sampled_from([b"", bytes(5000), gzip.compress(bytes(100_000)), b"1 2 3 4 " * 900]))
    kind = draw(st.sampled_from(["nrrd", "mha", "nii", "pgm"]))
    place = draw(st.sampled_from(["LOCAL", "LIST", "x%d.raw 1 99999999 1", "../../etc/passwd", "", "x%s 1 2 1", "."]))
    if kind == "nrrd":
        more = draw(
            st.sampled_from(
                ["", f"data file: {place}\n", "byte skip: -1\n", "kinds: list domain\n", "spacings: nan 0\n"]
            )
        )
        text = f"NRRD0005\ntype: {word}\ndimension: {len(numbers)}\nsizes: {sizes}\nencoding: {packing}\n{more}\n"
        return "a.nrrd", text.encode() + pixels
    if kind == "mha":
        text = (
            f"ObjectType = Image\nNDims = {len(numbers)}\nDimSize = {sizes}\nElementType = {word}\n"
            f"CompressedData = {packing == 'gzip'}\nElementSpacing = {sizes}\nElementDataFile = {place}\n"
        )
        return "a.mha", text.encode() + pixels
    if kind == "nii":
        header = bytearray(352)
        struct.pack_into("<i", header, 0, 348)
        short = [number % 65536 - 32768 for number in numbers]
        struct.pack_into(f"<h{len(short)}h", header, 40, len(short), *short)
        struct.pack_into("<hh", header, 70, draw(st.sampled_from([2, 4, 16, 64, 128, 1, 0, 9999])), 8)
        struct.pack_into("<f", header, 108, draw(st.sampled_from([352.0, 0.0, -5.0, float("nan"), float("inf"), 1e30])))
        header[344:348] = b"n+1\0"
        return "a.nii", bytes(header) + pixels
    return "a.png", pixels


def records(draw_from=None) -> st.SearchStrategy[bytes]:
    """JSON of any kind, and what is nearly JSON."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    values = st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["train", "test", "classes", "name", "subjects", "data"]) | st.text(max_size=5),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
    return values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60)


def as_bytes(array: np.ndarray, ending: str) -> bytes:
    """A picture as Pillow writes it."""
    held = io.BytesIO()
    Image.fromarray(array).save(held, ending)
    return held.getvalue()
