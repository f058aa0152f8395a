"""Restoration by style transfer: each part of a picture gets the feature statistics of a clean one like it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..vpi import DARK, denormalise, normalise
from .haar import HaarAutoencoder

WINDOW = 96  # rows and columns, as a patch (section 3.1)
STRIDE = WINDOW // 2
LEVELS = 32  # of grey, in a histogram
REFERENCES = 512  # clean patches that are remembered
TOGETHER = 64  # windows that are computed at a time, so that memory stays bounded
CLOSING = (13, 5)  # rows, columns: unfilled pixels within such gaps belong to the lit body
SMALLEST_VARIANCE = 1e-5
BLACK, WHITE = normalise(0.0), normalise(255.0)
UNLIKE = 1e4  # of a histogram, whose entries are at most 1: a reference that is not there yet is never the nearest


class WaveCT(nn.Module):
    """Restore a VPI by wavelet corrected transfer (Liu et al., ISBI 2020): normalised grey (N, 1, H, W) -> the same.

    A window of the picture is taken apart by the Haar autoencoder; every band is shifted and scaled, channel by
    channel, to the mean and deviation that it has in the clean patch with the most similar histogram (adaptive
    instance normalisation; Huang and Belongie, ICCV 2017), and the window is put together again. Windows overlap by
    half and fade into each other. They are as large as patches since noise comes in bursts: over a whole picture its
    statistics would drown, and hardly a picture is clean from head to hip.

    Of the clean patches only histograms and statistics are kept, in buffers, so that they travel in the model file.
    The whole picture is one tile, as the windows are tiles already.
    """

    halo, alignment = None, 1

    def __init__(self, widths: Sequence[int] = (64, 128, 256)) -> None:
        super().__init__()
        self.autoencoder = HaarAutoencoder(widths)
        channels = sum(self.autoencoder.channels)
        self.register_buffer("histograms", torch.full((REFERENCES, LEVELS), UNLIKE))
        self.register_buffer("means", torch.zeros(REFERENCES, channels))
        self.register_buffer("deviations", torch.ones(REFERENCES, channels))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        fade = torch.hann_window(WINDOW)
        self.register_buffer("fade", fade[:, None] * fade, persistent=False)

    @torch.no_grad()
    def remember(self, clean: Tensor) -> None:
        """Take clean patches (N, 1, 96, 96) as references, in the places of those seen longest ago."""
        clean = clean[:REFERENCES]
        places = (self.seen + torch.arange(len(clean), device=clean.device)) % REFERENCES
        self.histograms[places] = histograms(clean)
        self.means[places], self.deviations[places] = statistics(self.autoencoder.encode(clean), lit(clean))
        self.seen += len(clean)

    def forward(self, image: Tensor) -> Tensor:
        rows, columns = image.shape[-2:]
        padded = F.pad(image, (STRIDE, STRIDE + -columns % STRIDE, STRIDE, STRIDE + -rows % STRIDE), value=BLACK)
        grid = padded.unfold(2, WINDOW, STRIDE).unfold(3, WINDOW, STRIDE)  # (N, 1, down, across, 96, 96)
        windows = grid.flatten(0, 3)[:, None].clone()
        lit_ones = (denormalise(windows) > DARK).flatten(1).any(1).nonzero()[:, 0]
        for some in lit_ones.split(TOGETHER) if len(lit_ones) else ():
            windows[some] = self.transfer(windows[some]).to(windows)
        faded = (windows * self.fade).view(len(image), -1, WINDOW**2).transpose(1, 2)
        blended = F.fold(faded, padded.shape[-2:], WINDOW, stride=STRIDE)
        return blended[..., STRIDE : STRIDE + rows, STRIDE : STRIDE + columns]

    def transfer(self, windows: Tensor) -> Tensor:
        """Each window (N, 1, 96, 96) with the statistics of its reference, within black and white."""
        bands, body = self.autoencoder.encode(windows), lit(windows)
        nearest = self.nearest(windows)
        wanted = self.means[nearest], self.deviations[nearest]
        sizes = self.autoencoder.channels
        per_band = zip(*(values.split(sizes, 1) for values in (*statistics(bands, body), *wanted)), strict=True)
        transferred = [renormalise(band, body, *values) for band, values in zip(bands, per_band, strict=True)]
        return self.autoencoder.decode(transferred).clamp(BLACK, WHITE)

    def nearest(self, windows: Tensor) -> Tensor:
        """The references (N,) with the most similar histograms: those from which the least grey has to be moved the
        least far (the distance of Wasserstein)."""
        cumulative = (values.cumsum(1) for values in (histograms(windows), self.histograms.float()))
        return torch.cdist(*cumulative, p=1).argmin(1)


def renormalise(
    band: Tensor, body: Tensor, mean: Tensor, deviation: Tensor, wanted_mean: Tensor, wanted_deviation: Tensor
) -> Tensor:
    """A band (N, C, H, W) of that mean and deviation, given the wanted ones, all (N, C); unchanged outside the body."""
    mean, deviation, wanted_mean, wanted_deviation = (
        values[..., None, None] for values in (mean, deviation, wanted_mean, wanted_deviation)
    )
    return torch.where(within(body, band), (band - mean) / deviation * wanted_deviation + wanted_mean, band)


def statistics(bands: Sequence[Tensor], body: Tensor) -> tuple[Tensor, Tensor]:
    """Means and deviations of all channels of all bands over the body, each (N, channels)."""
    means, deviations = [], []
    for band in bands:
        inside = within(body, band).float()
        count = inside.sum((2, 3)).clamp(min=1)
        mean = (band.float() * inside).sum((2, 3)) / count
        variance = ((band.float() - mean[..., None, None]).square() * inside).sum((2, 3)) / count
        means.append(mean)
        deviations.append((variance + SMALLEST_VARIANCE).sqrt())
    return torch.cat(means, 1), torch.cat(deviations, 1)


def within(body: Tensor, band: Tensor) -> Tensor:
    """Which of a band's pixels lie within the body with all that they stand for: boolean (N, 1, H, W)."""
    return -F.max_pool2d(-body, body.shape[-1] // band.shape[-1]) > 0


def lit(images: Tensor) -> Tensor:
    """The lit body of normalised pictures: 1 or 0, (N, 1, H, W). As `vpi.lit_body`, but for several pieces and holes,
    and on any device."""
    filled = (denormalise(images) > DARK).float()
    margin = [extent // 2 for extent in CLOSING]
    return -F.max_pool2d(-F.max_pool2d(filled, CLOSING, 1, margin), CLOSING, 1, margin)


def histograms(images: Tensor) -> Tensor:
    """How the greys of normalised pictures (N, 1, H, W) are distributed, (N, 32), each adding up to 1. Filled pixels
    alone, so that the noise itself counts for little."""
    greys = denormalise(images.float()).flatten(1)
    levels = (greys * (LEVELS / 256)).long().clamp(0, LEVELS - 1)
    counts = greys.new_zeros(len(images), LEVELS).scatter_add_(1, levels, (greys > DARK).float())
    return counts / counts.sum(1, keepdim=True).clamp(min=1)
