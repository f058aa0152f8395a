"""Processes that Slicer's functions start for a thread, such as pip: what they say is heard, and they can be ended."""

import collections
import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time

import slicer

LINES = 200  # of what they say, the last ones
PATIENCE = 10.0  # s that an interrupted process has to put things in order


class Processes:
    """What is started by `slicer.util.launchConsoleProcess`, as pip_install does, while it is `followed`.

    said: the last lines that they said.
    """

    def __init__(self):
        self.said = collections.deque(maxlen=LINES)
        self._started = {}  # each process: when it was interrupted, None for not yet, and which it had started

    @contextlib.contextmanager
    def followed(self):
        """Follow what this thread starts from now on. Its temporary files are gone afterwards, however it ended."""
        launch, thread = slicer.util.launchConsoleProcess, threading.get_ident()

        def launchFollowed(*arguments, **named):
            if threading.get_ident() != thread:
                return launch(*arguments, **named)
            places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)
            named["updateEnvironment"] = {**(named.get("updateEnvironment") or {}), **places}
            process = launch(*arguments, **named)
            process.stdout = Heard(process.stdout, self.said)
            self._started[process] = None, []
            return process

        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            slicer.util.launchConsoleProcess = launchFollowed
            try:
                yield
            finally:
                slicer.util.launchConsoleProcess = launch

    def end(self):
        """End what was started; to be called again until it is gone. An interrupt lets pip put things in order; what
        takes long over that is killed."""
        for process, (interrupted, tree) in list(self._started.items()):
            if interrupted is None and process.poll() is None:
                self._started[process] = time.monotonic(), endTree(process.pid)
            elif tree and time.monotonic() > interrupted + PATIENCE:
                self._started[process] = interrupted, send(tree, signal.SIGKILL)


class Heard:
    """A process's output, noted in `lines` while somebody else reads it."""

    def __init__(self, stream, lines):
        self._stream, self._lines = stream, lines

    def readline(self):
        line = self._stream.readline()
        self._lines.append(line.rstrip())
        return line

    def __iter__(self):
        return iter(self.readline, "")

    def __getattr__(self, name):
        return getattr(self._stream, name)


def endTree(pid):
    """Interrupt a process and all that it has started: PythonSlicer is a launcher, without which Python goes on.
    Returns those that may have to be killed. Windows has no interrupts to send, and ends them."""
    if os.name == "nt":
        hidden = {"creationflags": subprocess.CREATE_NO_WINDOW, "stdout": subprocess.DEVNULL}
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(pid)], check=False, **hidden)
        return []
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=False, capture_output=True, encoding="ascii")
    parents = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    tree = [pid]
    for each in tree:  # which grows meanwhile
        tree += [child for child, parent in parents if parent == each]
    return send(tree, signal.SIGINT)


def send(tree, how):
    """Send these processes a signal; returns those that were still there."""
    there = []
    for each in tree:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, how)
            there.append(each)
    return there
