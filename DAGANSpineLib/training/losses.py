"""The losses of DA-GAN (equations 2 to 5)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..vpi import DEVIATION, normalise
from .dataset import UNKNOWN

CERTAIN = 100.0  # a logit's lead, beyond which the other classes' probabilities vanish
WEIGHT_SEGMENTATION = 0.5  # λ1 (section 3.2)
WEIGHT_RECONSTRUCTION = 0.01  # λ2 (section 3.2)
REACH = 4  # rows above and below, of whose greys thin noise is none
THIN_NOISE = 20.0  # grey levels: more than speckle
BLACK, WHITE = normalise(0.0), normalise(255.0)


def adversarial_loss(logits: Tensor, real: bool) -> Tensor:
    """-log D or -log(1 - D), averaged over the batch: logits (N,) -> scalar (equation 2).

    The generator descends it with `real=True` (the non-saturating form), the discriminators with the truth.
    """
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def reconstruction_loss(restored: Tensor, observed: Tensor, filled: Tensor | None = None) -> Tensor:
    """Squared error summed over the patch, in units of the full grey range, averaged over the batch (equation 3).

    Both (N, 1, H, W), normalised. A mean over the pixels would make λ2 = 0.01 vanish: dashes are a sum of few
    large errors. `filled`: bool, the same shape; the pixels that count, all without it.
    """
    error = (restored - observed) * (DEVIATION / 255)
    return (error if filled is None else error * filled).square().flatten(1).sum(1).mean()


def down_blurred(images: Tensor, deviation: float) -> Tensor:
    """Pictures behind a Gaussian along the columns, of so many rows: (N, 1, H, W) -> the same; 0 leaves them alone."""
    if not deviation:
        return images
    reach = round(4 * deviation)
    rows = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-rows.square() / (2 * deviation**2))
    padded = F.pad(images, (0, 0, reach, reach), mode="reflect")
    return F.conv2d(padded, (weights / weights.sum()).view(1, 1, -1, 1))


def thin_noise(images: Tensor) -> Tensor:
    """Where a normalised picture is far from the median of the rows around, whatever a scanner's noise looks like:
    (N, 1, H, W) -> bool, the same shape. Bones and muscle change more slowly, and so do missing bands."""
    around = F.pad(images, (0, 0, REACH, REACH), mode="replicate").unfold(2, 2 * REACH + 1, 1)
    return (images - around.median(-1).values).abs() * DEVIATION > THIN_NOISE


def segmentation_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy: logits (N, 4, H, W), labels (N, H, W) -> scalar (equation 4)."""
    return F.cross_entropy(logits, labels)


def of_known(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N, 4, H, W) and labels (N, H, W) for a loss, the `UNKNOWN` pixels taken for background that is seen with
    certainty: they cost nothing, teach nothing, and have no share in Dice's overlaps. The rest is as it was."""
    unknown = labels == UNKNOWN
    certain = F.pad(logits.new_full((1, 1, 1, 1), CERTAIN), (0, 0, 0, 0, 0, logits.shape[1] - 1))
    return torch.where(unknown[:, None], certain, logits), labels.masked_fill(unknown, 0)


def within_grey(images: Tensor) -> Tensor:
    """Normalised pictures, cut off at black and white as every picture is in use; the gradient passes as if they were
    not: (N, 1, H, W) -> the same.

    What is darker than black or brighter than white would tell a discriminator at once what is imitated: up to every
    seventh pixel of a clean patch with a residual added.
    """
    return images + (images.clamp(BLACK, WHITE) - images).detach()
