"""PyTorch: whether it is there, and how it comes, through Slicer's PyTorch extension."""

import importlib.util

from slicer.i18n import tr as _

from DAGANSpineLib.errors import UserError


class InstallationError(UserError):
    """PyTorch couldn't be installed; the text says why and what to do."""


def torchIsInstalled():
    return importlib.util.find_spec("torch") is not None


def howToGetTorch():
    return _(
        "PyTorch is missing, and nothing can be computed without it. Install the extension PyTorch with the "
        "Extensions Manager, restart Slicer, and try again: it then installs the PyTorch that fits this computer."
    )


def installTorch():
    """Let the PyTorch extension ask and install. Returns whether torch is there then; False if the user declined.

    Raises InstallationError without the extension, and if it fails.
    """
    try:
        import PyTorchUtils
    except ModuleNotFoundError:
        raise InstallationError(howToGetTorch()) from None
    try:
        return PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True) is not None
    except Exception as error:
        text = _("PyTorch could not be installed ({error}). Check the internet connection and try again.")
        raise InstallationError(text.format(error=error)) from error
