"""The headers of NRRD, MetaImage and NIfTI files: is all there that they promise?

ITK's readers don't ask: what is missing in a file is 0 to them, or whatever lay in memory. Sizes and checksums are
compared here before they read.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import math
import os
import re
import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .refusals import damaged, odd_size, refuse_size

HEADER = 1 << 16  # bytes of a header at most; those of tracked sweeps are longer, and grow with the frames
LONGEST_HEADER = 1 << 26
MOST_FILES, LONGEST_NAME = 10_000, 256  # that a header names
SURPLUS = 16  # bytes behind the pixels, such as an empty line, say nothing; more, that the header is wrong
DENSEST = 1032  # bytes that deflate packs into one at most
CHUNK = 1 << 20
NRRD_BYTES = {"char": 1, "uchar": 1, "int8": 1, "uint8": 1, "short": 2, "ushort": 2, "int16": 2, "uint16": 2, "int": 4,
              "uint": 4, "int32": 4, "uint32": 4, "float": 4, "longlong": 8, "ulonglong": 8, "int64": 8, "uint64": 8,
              "double": 8}  # fmt: skip
META_BYTES = {"CHAR": 1, "UCHAR": 1, "SHORT": 2, "USHORT": 2, "INT": 4, "UINT": 4, "LONG": 4, "ULONG": 4, "FLOAT": 4,
              "DOUBLE": 8, "LONG_LONG": 8, "ULONG_LONG": 8}  # fmt: skip
NIFTI_BYTES = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 128: 3, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8, 2304: 4, 32: 8}
MAKES_NO_SENSE = ValueError, KeyError, IndexError, OverflowError, EOFError, struct.error, zlib.error, gzip.BadGzipFile
FRAMES = "Seq_Frame", "UltrasoundImageOrientation"  # in headers of tracked sweeps, as PLUS writes them (.igs.mha)


@dataclass(frozen=True)
class Header:
    """What a header promises. `size`: along each axis; `bytes_each`: of a pixel; `data`: the files that hold the
    pixels; `packing`: "raw", "gzip", "zlib", "bzip2", "text", or "nii.gz" (header and pixels alike); `offset`: where
    they begin, None if they are the file's end, however long that file is; `frames`: whether they are a tracked sweep's
    B-scans; `packed`: how many bytes of the file they take at most."""

    size: tuple[int, ...]
    bytes_each: int
    data: tuple[Path, ...]
    packing: str = "raw"
    offset: int | None = 0
    frames: bool = False
    packed: int | None = None

    @property
    def bytes(self) -> int:
        return math.prod(self.size) * self.bytes_each


def header_of(path: Path, kind: str) -> Header:
    """The header of a file of kind "NRRD", "MetaImage" or "NIfTI". Raises ImageError where it makes no sense."""
    try:
        return {"NRRD": nrrd, "MetaImage": meta, "NIfTI": nifti}[kind](path)
    except MAKES_NO_SENSE as error:
        raise damaged(path) from error


def refuse_incomplete(path: Path, header: Header) -> None:
    """Raise ImageError where a header promises more than there is, or a checksum is wrong."""
    refuse_size(header.size, header.bytes_each)
    missing = [each for each in header.data if not os.path.isfile(each)]  # a name that can't be one is no error there
    if missing:
        raise damaged(missing[0] if len(missing[0].name) < LONGEST_NAME else path)
    stored = sum(each.stat().st_size for each in header.data)
    if header.packing == "text":
        held, least = stored - (header.offset or 0), 2 * math.prod(header.size) - 1  # a digit, and a space
    elif header.packing == "raw":
        held, least = stored - (header.offset or 0) * len(header.data), header.bytes
    else:
        held, least = unpacked_bytes(header) if header.bytes <= stored * DENSEST else 0, header.bytes
    if held < least:
        raise damaged(path)
    if held > least + SURPLUS and header.packing != "text" and header.offset is not None:
        raise odd_size(path, header.size)


def unpacked_bytes(header: Header) -> int:
    """How many bytes packed files hold, with their checksums compared; 0 if one is wrong. Little more than are asked
    for is ever unpacked."""
    total = 0
    try:
        for each in header.data:
            for chunk in unpacked(each, header.packing, header.offset or 0, header.packed):
                total += len(chunk)
                if total > header.bytes + CHUNK:
                    return total
    except (OSError, EOFError, zlib.error, ValueError):
        return 0
    return total - (header.offset or 0 if header.packing == "nii.gz" else 0)


def unpacked(path: Path, packing: str, offset: int, most: int | None = None) -> Iterator[bytes]:
    """A packed file's content, with its checksum compared; of at most so many packed bytes."""
    with path.open("rb") as file:
        if packing != "nii.gz":
            file.seek(offset)
        if packing == "zlib":
            yield from inflated(io.BytesIO(file.read(most)) if most else file)
            return
        reader = bz2.BZ2File(file) if packing == "bzip2" else gzip.GzipFile(fileobj=file)
        while chunk := reader.read(CHUNK):
            yield chunk


def inflated(file) -> Iterator[bytes]:
    """MetaImage's packing: zlib's or gzip's, with a checksum at the end."""
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    while chunk := file.read(CHUNK // 8):
        while chunk:
            yield inflate.decompress(chunk, CHUNK)
            chunk = inflate.unconsumed_tail
    yield inflate.flush()
    if not inflate.eof:
        raise EOFError


def nrrd(path: Path) -> Header:
    """An NRRD header: lines `field: value` or `key:=value`, up to an empty one (teem.sourceforge.net/nrrd)."""
    text, offset = text_before(path, rb"\r?\n\r?\n")
    fields = {}
    for line in text.splitlines()[1:]:
        if ":=" not in line and ": " in line and not line.startswith("#"):
            name, value = line.split(": ", 1)
            fields[name.strip().lower()] = value.strip()
    size = tuple(int(each) for each in fields["sizes"].split())
    kind = re.sub(r"^(un)?signed\s+|\s+int$|_t$", "", fields["type"].lower())
    bytes_each = NRRD_BYTES[kind.replace(" ", "")]
    packing = fields.get("encoding", "raw").lower()
    packing = {"gz": "gzip", "bz2": "bzip2", "txt": "text", "ascii": "text", "hex": "text"}.get(packing, packing)
    if packing not in ("raw", "gzip", "bzip2", "text"):
        raise ValueError(packing)
    skip = int(fields.get("byte skip", fields.get("byteskip", 0)))
    place = fields.get("data file", fields.get("datafile"))
    frames = "list" in fields.get("kinds", "").split() or bool(re.search(rf"^({'|'.join(FRAMES)})", text, re.M))
    loose = skip < 0 or int(fields.get("line skip", fields.get("lineskip", 0))) > 0
    if place is None:
        return Header(size, bytes_each, (path,), packing, None if loose else offset + skip, frames)
    files = files_named(path, place, text.splitlines())
    return Header(size, bytes_each, files, packing, None if loose else skip, frames)


def meta(path: Path) -> Header:
    """A MetaImage header: lines `Key = value`, ElementDataFile the last of them (itk.org/Wiki/MetaIO)."""
    text, offset = text_before(path, rb"ElementDataFile\s*=[^\n]*\n")
    lines = [line.split("=", 1) for line in text.splitlines() if "=" in line]
    fields = {name.strip(): value.strip() for name, value in lines}
    size = tuple(int(each) for each in fields["DimSize"].split())
    kind = fields["ElementType"].removeprefix("MET_").removesuffix("_ARRAY")
    bytes_each = META_BYTES[kind] * int(fields.get("ElementNumberOfChannels", 1))
    packed = fields.get("CompressedData", "False").lower() == "true"
    text_data = fields.get("BinaryData", "True").lower() == "false"
    packing = "zlib" if packed else "text" if text_data else "raw"
    frames = any(name.startswith(FRAMES) for name in fields)
    place = fields["ElementDataFile"]
    skip, room = int(fields.get("HeaderSize", 0)), int(fields.get("CompressedDataSize", 0)) or None
    if place.upper() == "LOCAL":
        return Header(size, bytes_each, (path,), packing, None if skip < 0 and not packed else offset, frames, room)
    files = files_named(path, place, text_before(path, rb"\Z")[0].splitlines())
    return Header(size, bytes_each, files, packing, None if skip < 0 else skip, frames, room)


def files_named(path: Path, place: str, lines: list[str]) -> tuple[Path, ...]:
    """The files that a header says its pixels are in: one, those of a list, or those of a pattern with numbers."""
    words = place.split()
    if words and words[0].upper() == "LIST":
        first = next(index for index, line in enumerate(lines) if line.strip().endswith(place))
        names = [line.strip() for line in lines[first + 1 :] if line.strip()][:MOST_FILES]
    elif "%" in words[0] and len(words) >= 3:
        start, stop, step = int(words[1]), int(words[2]), int(words[3]) if len(words) > 3 else 1
        numbers = range(start, stop + 1, step)
        if len(numbers) > MOST_FILES:
            raise ValueError(place)
        names = [words[0] % number for number in numbers]
    else:
        names = [place]
    return tuple(path.parent / name for name in names)


def text_before(path: Path, mark: bytes) -> tuple[str, int]:
    """A header's text, and where what follows its mark begins."""
    with path.open("rb") as file:
        held = b""
        while len(held) < LONGEST_HEADER and (chunk := file.read(HEADER)):
            held += chunk
            if found := re.search(mark, held):
                return held[: found.end()].decode("latin-1"), found.end()
    return held.decode("latin-1"), len(held)


def nifti(path: Path) -> Header:
    """A NIfTI header: 348 bytes (version 1) or 540 (version 2), packed or not (nifti.nimh.nih.gov)."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as file:
        raw = file.read(540)
    order = "<" if raw[:4] in (b"\x5c\x01\0\0", b"\x1c\x02\0\0") else ">"
    if struct.unpack(order + "i", raw[:4])[0] == 348:
        sizes, magic = struct.unpack_from(order + "8h", raw, 40), raw[344:347]
        (kind,), (offset,) = struct.unpack_from(order + "h", raw, 70), struct.unpack_from(order + "f", raw, 108)
    else:
        sizes, magic = struct.unpack_from(order + "8q", raw, 16), raw[4:7]
        (kind,), (offset,) = struct.unpack_from(order + "h", raw, 12), struct.unpack_from(order + "q", raw, 168)
    size = sizes[1 : 1 + sizes[0]]
    if not 1 <= sizes[0] <= 7 or min(size) < 1:
        raise ValueError(sizes)
    data, header = path, 348 if struct.unpack(order + "i", raw[:4])[0] == 348 else 540
    if magic[:2] == b"n+" and offset < header:  # pixels would begin within the header
        raise ValueError(offset)
    if magic[:2] == b"ni":  # a pair of files
        ending = ".img.gz" if path.name.endswith(".gz") else ".img"
        data = path.with_name(re.sub(r"\.hdr(\.gz)?$", "", path.name) + ending)
    return Header(size, NIFTI_BYTES[kind], (data,), "nii.gz" if packed else "raw", int(offset))


@contextlib.contextmanager
def unpacked_nrrd(path: Path, header: Header) -> Iterator[Path]:
    """An NRRD file that is packed by bzip2, which ITK can't take apart, with plain pixels instead; gone afterwards."""
    text, _offset = text_before(path, rb"\r?\n\r?\n")
    said = [line for line in text.splitlines() if line and not re.match(r"(encoding|data ?file)\s*:", line, re.I)]
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "file.nrrd"
        with plain.open("wb") as file:
            file.write("\n".join([*said, "encoding: raw", "", ""]).encode("latin-1"))
            for each in header.data:
                file.writelines(unpacked(each, header.packing, header.offset or 0))
        yield plain
