"""PyTorch: whether it is there and works, and how it comes, through Slicer's PyTorch extension."""

import ctypes
import importlib
import importlib.util
import os
import re
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np
import slicer
from slicer.i18n import tr as _

from DAGANSpineLib.errors import UserError
from DAGANSpinePanel.background import inBackground

MINIMUM = "2.4"  # as in pyproject.toml


class InstallationError(UserError):
    """PyTorch couldn't be installed, or doesn't work; the text says why and what to do."""


def torchIsInstalled():
    """Whether there is a torch to import: looked up, not imported."""
    return importlib.util.find_spec("torch") is not None


def howToGetTorch():
    return _(
        "PyTorch is missing, and nothing can be computed without it. Install the extension PyTorch with the "
        "Extensions Manager, restart Slicer, and try again: it then installs the PyTorch that fits this computer."
    )


def installTorch(progress):
    """Ask, then let the PyTorch extension install torch while Slicer's window goes on; it can't be stopped.

    Returns whether torch is there then and works: False if the user declined. `progress` is told the fraction None.
    Raises InstallationError without the extension, and if the installation fails.
    """
    try:
        import PyTorchUtils
    except ImportError:
        raise InstallationError(howToGetTorch()) from None
    refuseReadOnly(Path(sysconfig.get_paths()["purelib"]))
    question = _(
        "DAGANSpine computes with PyTorch, which this Slicer doesn't have yet. Download and install it now?\n\n"
        "It takes some minutes and 1 GB of disk, with an NVIDIA graphics card up to 8 GB. Slicer can be used "
        "meanwhile. Your images stay on this computer."
    )
    if not slicer.util.confirmOkCancelDisplay(question, windowTitle="DAGANSpine"):
        return False
    extension, message = PyTorchUtils.PyTorchUtilsLogic(), _("Downloading and installing PyTorch")

    def work(report):
        report(None, message)
        # the extension's own question would be the second one
        return extension.installTorch(askConfirmation=False, torchVersionRequirement=f">={MINIMUM}")

    try:
        progress(None, message)
        fetchInstaller(extension)
        installed = inBackground(work, progress)
    except Exception as error:
        raise InstallationError(troubleInstalling()) from error
    if installed is None:
        raise InstallationError(troubleInstalling())
    return True


def refuseReadOnly(folder):
    """Raise InstallationError if pip can't write into Slicer's folder of packages: better before 1 GB is downloaded."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise InstallationError(
            _(
                "PyTorch can't be installed, since Slicer's folder {folder} can't be written ({reason}). Install "
                "Slicer in a folder of your own, or let an administrator start Slicer and install PyTorch once."
            ).format(folder=folder, reason=error.strerror)
        ) from error


def fetchInstaller(extension):
    """Have the extension install the small package that it installs torch by, if it needs one and lacks it.

    It would do so itself, but some Slicer releases then open a dialog, which only the main thread may do.
    """
    needed = getattr(extension, "_installLightTheTorch", None)
    if needed is not None and importlib.util.find_spec("light_the_torch") is None:
        needed()
        importlib.invalidate_caches()  # pip is another process


def troubleInstalling():
    """What to do where the extension's pip or its first import failed; both tell their reason in the console only."""
    importlib.invalidate_caches()  # pip is another process
    if torchIsInstalled():
        return _("PyTorch was installed, but can't be loaded yet: restart Slicer, and try again.")
    return _(
        "PyTorch could not be installed. Check the internet connection (and the proxy, if your network has one) and "
        "the free disk space, and try again. View > Python Console shows what the installation said."
    )


def importTorch():
    """Import torch, and compute with it; meant for a thread, since it takes seconds.

    Raises InstallationError for a torch that is too old, or doesn't load, or doesn't compute.
    """
    try:
        preload()
        import torch

        version = torch.__version__
        picture = torch.from_numpy(np.ones((1, 1, 4, 4), np.float32))
        works = torch.nn.functional.conv2d(picture, picture).numpy().item() == 16
    except ModuleNotFoundError as error:  # an installation that was stopped halfway, or a package removed since
        raise InstallationError(
            _(
                "PyTorch is installed in part only: {name} is missing. Uninstall PyTorch in the module PyTorch Utils, "
                "restart Slicer, and try again."
            ).format(name=error.name)
        ) from error
    except Exception as error:  # whatever a broken torch raises: ImportError, OSError of a library, RuntimeError
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InstallationError(
            _(
                "PyTorch is installed, but doesn't work ({reason}). Restart Slicer and try again. If it stays like "
                "this, uninstall PyTorch in the module PyTorch Utils, restart Slicer, and try again."
            ).format(reason=reason)
        ) from error
    if not works:
        raise InstallationError(_("PyTorch computes wrongly: install it again with the module PyTorch Utils."))
    if numbers(version) < numbers(MINIMUM):
        raise InstallationError(
            _(
                "PyTorch {version} is too old: {minimum} or newer is needed. Uninstall it in the module PyTorch "
                "Utils, restart Slicer, and try again."
            ).format(version=version, minimum=MINIMUM)
        )


def numbers(version):
    """Major and minor version: 2.10.1+cu128 -> (2, 10)."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def preload():
    """Load torch's libraries by a foreign call, which leaves the interpreter, and so the window, to the main thread.

    Importing holds it for the half second and more that they take. Torch does the same on Windows; where nothing is
    found here, importing loads them as ever.
    """
    suffix = {"linux": ".so", "darwin": ".dylib"}.get(sys.platform)
    if suffix is None or "torch" in sys.modules or not torchIsInstalled():
        return
    folder = Path(importlib.util.find_spec("torch").origin).parent / "lib"
    load = ctypes.CDLL(None).dlopen
    load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    # in torch's order and modes
    load(os.fsencode(folder / f"libtorch_global_deps{suffix}"), os.RTLD_NOW | os.RTLD_GLOBAL)
    load(os.fsencode(folder / f"libtorch_python{suffix}"), os.RTLD_NOW)
