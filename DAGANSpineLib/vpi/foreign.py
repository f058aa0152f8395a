"""Libraries written in C: what they print, and the names of files that they can't take."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import SimpleITK as sitk

from ..files import plain_text

MOST_PRINTED = 10_000  # characters that are looked at
# for who turns the process's streams or warnings away, and for who prints while another thread might
STREAMS = threading.RLock()


class Printed:
    """What libraries have printed; known once they are done."""

    text = ""


@contextlib.contextmanager
def silenced() -> Iterator[Printed]:
    """Keep what libraries print, on either stream, from standing beside our one sentence.

    They write past Python, so that the process's own streams are turned away meanwhile; where it has none, as under
    Windows without a console, there is nothing to be turned away. One thread at a time: `STREAMS`.
    """
    sitk.ProcessObject.GlobalWarningDisplayOff()
    printed = Printed()
    with STREAMS, tempfile.TemporaryFile() as aside, contextlib.ExitStack() as restored:
        for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
            with contextlib.suppress(OSError, AttributeError, ValueError):
                stream.flush()
            with contextlib.suppress(OSError):
                kept = os.dup(number)
                restored.callback(os.close, kept)
                restored.callback(os.dup2, kept, number)
                os.dup2(aside.fileno(), number)
        yield printed
        restored.close()
        aside.seek(0)
        printed.text = aside.read(MOST_PRINTED).decode(errors="replace")


@contextlib.contextmanager
def plainly_named(path: Path, alone: bool = False) -> Iterator[Path]:
    """The file under a name that every library takes: one that is not UTF-8, as from old archives, ends a process in
    ITK. It gets a link with its ending, which is gone afterwards; so it does if it is to be `alone` in its folder."""
    if plain_text(str(path)) == str(path) and not alone:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / ("file" + plain_text("".join(path.suffixes[-2:])))
        try:
            link.symlink_to(path.resolve())
        except OSError:  # Windows allows links to few
            shutil.copy(path, link)
        yield link
