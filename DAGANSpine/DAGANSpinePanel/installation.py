"""PyTorch: whether it is there and works, and how it comes, through Slicer's PyTorch extension."""

import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import socket
import sys
import sysconfig
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import slicer
from slicer.i18n import tr as _

from DAGANSpineLib.errors import UserError
from DAGANSpineLib.progress import Cancelled
from DAGANSpinePanel.background import inBackground
from DAGANSpinePanel.processes import Processes

MINIMUM = "2.4"  # as in pyproject.toml
PATIENCE = 3.0  # s that a proxy has to answer
# what pip prints where something fails, and torch raises
BY_PROXY = re.compile(r"ProxyError|[Pp]roxy\s(URL|server)|Tunnel\sconnection")
BY_CERTIFICATE = re.compile("SSLError|CERTIFICATE_VERIFY_FAILED")
BY_DISK = re.compile(r"Errno\s28|No\sspace|not\senough\sspace")
BY_NUMPY = re.compile("numpy|_ARRAY_API|multiarray", re.IGNORECASE)


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


def installTorch(progress, isCancelled=lambda: False):
    """Ask, then let the PyTorch extension install torch while Slicer's window goes on.

    Returns whether torch is there then: False if the user declined. `progress` is told the fraction None. Once
    `isCancelled`, asked all the while, is true, the installation is stopped, and what it leaves half-written removed.
    Raises Cancelled then, and InstallationError without the extension, and if the installation fails.
    """
    try:
        import PyTorchUtils
    except ImportError:
        raise InstallationError(howToGetTorch()) from None
    packages = Path(sysconfig.get_paths()["purelib"])
    refuseReadOnly(packages)
    question = _(
        "DAGANSpine computes with PyTorch, which this Slicer doesn't have yet. Download and install it now?\n\n"
        "It takes some minutes and 1 GB of disk, with an NVIDIA graphics card up to 8 GB. Slicer can be used "
        "meanwhile. Your images stay on this computer."
    )
    if not slicer.util.confirmOkCancelDisplay(question, windowTitle="DAGANSpine"):
        return False
    extension, message = PyTorchUtils.PyTorchUtilsLogic(), _("Downloading and installing PyTorch")
    processes, before = Processes(), {entry.name for entry in packages.iterdir()}

    def trouble():
        return InstallationError(troubleInstalling(processes.said))

    def work(report):
        report(None, message)
        try:
            with processes.followed():
                # the extension's own question would be the second one
                installed = extension.installTorch(askConfirmation=False, torchVersionRequirement=f">={MINIMUM}")
        except Exception as error:
            removeUnfinished(packages, before)
            if isCancelled():
                raise Cancelled from error
            raise trouble() from error
        if installed is None:
            raise trouble()

    def isStopped():
        if isCancelled():
            processes.end()
        return isCancelled()

    progress(None, message)
    try:
        with processes.followed():
            fetchInstaller(extension)
    except Exception as error:
        raise trouble() from error
    if isCancelled():
        raise Cancelled
    inBackground(work, progress, isStopped)
    return True


def removeUnfinished(packages, before):
    """Remove from the folder of packages what pip has left of those that it did not finish: whatever was not there
    `before` (names), and belongs to no package with the mark that pip sets in the end."""
    importlib.invalidate_caches()  # pip is another process
    whole = {
        file.parts[0]
        for package in importlib.metadata.distributions(path=[str(packages)])
        if package.read_text("INSTALLER")
        for file in package.files or ()
    }
    for entry in packages.iterdir():
        if entry.name in before or entry.name in whole:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


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


def troubleInstalling(said):
    """What to do where the extension's pip or its first import failed. `said`: the lines that pip printed."""
    importlib.invalidate_caches()  # pip is another process
    if torchIsInstalled():
        return _("PyTorch was installed, but can't be loaded yet: restart Slicer, and try again.")
    text = "\n".join(said)
    proxy = deadProxy()
    if proxy or BY_PROXY.search(text):
        return _(
            "PyTorch could not be installed, since the proxy {proxy} doesn't let it through. Check the proxy in the "
            "computer's network settings and in the environment variables HTTPS_PROXY and HTTP_PROXY, or ask those who "
            "look after your network; then restart Slicer, and try again."
        ).format(proxy=proxy or _("of your network"))
    if BY_CERTIFICATE.search(text):
        return _(
            "PyTorch could not be installed, since your network replaces the certificates of download.pytorch.org and "
            "pypi.org. Ask those who look after it to let both through, or install PyTorch in another network."
        )
    if BY_DISK.search(text):
        return _("PyTorch could not be installed, since the disk is full: make room for it, and try again.")
    return _(
        "PyTorch could not be installed. Check the internet connection (and the proxy, if your network has one) and "
        "the free disk space, and try again. View > Python Console shows what the installation said."
    )


def deadProxy():
    """The proxy that downloads have to go through, if it doesn't answer; "" if it does, or there is none."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get("https") or proxies.get("all") or proxies.get("http")
    if not proxy:
        return ""
    try:
        # a word without a scheme is taken for a host, as pip does
        place = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
        socket.create_connection((place.hostname, place.port or 80), timeout=PATIENCE).close()
    except (OSError, ValueError, TypeError):  # TypeError: of no host
        return re.sub(r"//[^@/]*@", "//", proxy)  # without a password
    return ""


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
    except (Exception, SystemExit) as error:  # whatever a broken torch raises: ImportError, OSError of a library, …
        raise InstallationError(troubleImporting(error)) from error
    if not works:
        raise InstallationError(_("PyTorch computes wrongly: install it again with the module PyTorch Utils."))
    if numbers(version) < numbers(MINIMUM):
        raise InstallationError(
            _(
                "PyTorch {version} is too old: {minimum} or newer is needed. Uninstall it in the module PyTorch "
                "Utils, restart Slicer, and try again."
            ).format(version=version, minimum=MINIMUM)
        )


def troubleImporting(error):
    """What to do where torch raises this error."""
    telling = str(error) and not isinstance(error, SystemExit)  # whose text is a number
    reason = str(error).splitlines()[0] if telling else type(error).__name__
    lacking = isinstance(error, AttributeError) and error.name and error.obj is sys.modules.get("torch")
    if BY_NUMPY.search(reason) and not lacking:
        return _(
            "PyTorch is installed, but doesn't work ({reason}). It was built for another NumPy than {version}, which "
            "this Slicer has: uninstall PyTorch in the module PyTorch Utils, restart Slicer, and try again. It then "
            "installs the PyTorch that fits."
        ).format(reason=reason, version=np.__version__)
    # an installation that was stopped halfway, or a package removed since
    missing = error.name if isinstance(error, ModuleNotFoundError) else f"torch.{error.name}" if lacking else None
    folder = torchFolder()
    if folder.is_dir() and not (folder / "__init__.py").exists():
        missing = "torch/__init__.py"
    if missing is not None and not pipKnowsTorch():
        return _(
            "PyTorch is installed in part only: {name} is missing. Delete {folder}, restart Slicer, and try again."
        ).format(name=missing, folder=folder)
    if missing is not None:
        return _(
            "PyTorch is installed in part only: {name} is missing. Uninstall PyTorch in the module PyTorch Utils, "
            "restart Slicer, and try again."
        ).format(name=missing)
    return _(
        "PyTorch is installed, but doesn't work ({reason}). Restart Slicer and try again. If it stays like "
        "this, uninstall PyTorch in the module PyTorch Utils, restart Slicer, and try again."
    ).format(reason=reason)


def torchFolder():
    """Where the torch lies that would be imported: a folder, or, of somebody else's torch.py, that file."""
    found = importlib.util.find_spec("torch")
    return Path(next(iter(found.submodule_search_locations)) if found.submodule_search_locations else found.origin)


def pipKnowsTorch():
    """Whether torch can be uninstalled: pip writes what it has installed when all is there."""
    try:
        return importlib.metadata.distribution("torch").files is not None
    except importlib.metadata.PackageNotFoundError:
        return False


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
    folder = torchFolder() / "lib"
    load = ctypes.CDLL(None).dlopen
    load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    # in torch's order and modes
    load(os.fsencode(folder / f"libtorch_global_deps{suffix}"), os.RTLD_NOW | os.RTLD_GLOBAL)
    load(os.fsencode(folder / f"libtorch_python{suffix}"), os.RTLD_NOW)
