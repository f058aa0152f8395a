"""What ultrasound shows of the bones: muscle that echoes, shadow where bone stands in the slab, gain, lost contact.

Intensities are linear and non-negative, about 1 in well-lit muscle; `grey` is the scanner's curve from there to 0..255.
"""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .texture import cubic_upsample, smooth_field, smooth_line


@dataclass(frozen=True)
class GreyCurve:
    """The scanner's grey curve, 255 (1 - exp(-(gain I)^power)): linear for faint echoes, saturating for bright ones."""

    gain: float
    power: float

    def __call__(self, intensity: np.ndarray) -> np.ndarray:
        """(rows, columns) linear intensity -> the same shape, 0..255, float. What a recursive blur leaves a little
        below zero counts as zero."""
        return 255 * (1 - np.exp(-((self.gain * np.maximum(intensity, 0)) ** self.power)))


def blur(image: np.ndarray, sigma_rows: float, sigma_columns: float) -> np.ndarray:
    """Gaussian blur, sigma in pixels, of a (rows, columns) image."""
    picture = sitk.GetImageFromArray(image)
    return sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(picture, [sigma_columns, sigma_rows]))


def muscle(rng: np.random.Generator, shape: tuple[int, int], spacing: float) -> np.ndarray:
    """Log echo of the soft tissue alone: blotches of several sizes under speckle, (rows, columns), mean about 0."""
    log = np.zeros(shape)
    for size_mm, spread in ((25, 0.20), (11, 0.22), (5, 0.14), (2.2, 0.09), (1.1, 0.07)):
        rows = size_mm / spacing * rng.uniform(0.7, 1.1)
        columns = size_mm / spacing * rng.uniform(1.0, 1.6)
        log += spread * rng.uniform(0.5, 1.3) * smooth_field(rng, shape, (rows, columns))
    # Some regions are blotchier than others.
    log *= np.clip(1 + 0.3 * smooth_line(rng, shape[0], shape[0] / 4), 0.6, 1.5)[:, None]
    grain = rng.uniform(2.5, 5.0), rng.uniform(2.5, 4.5)
    log += rng.uniform(0.03, 0.07) * smooth_field(rng, shape, grain)
    return log


def fascia(rng: np.random.Generator, shape: tuple[int, int], spacing: float) -> np.ndarray:
    """Thin bright streaks, nearly level, mostly near the head: (rows, columns), added to the muscle's log intensity."""
    streaks = np.zeros(shape)
    rows, columns = shape
    across = np.arange(columns)
    for _ in range(rng.poisson(5)):
        row = rng.exponential(0.08) * rows
        middle, length = rng.uniform(0.2, 0.8) * columns, rng.uniform(6, 25) / spacing
        centre = row + rng.normal(0, 0.05) * (across - middle) + 1.5 * smooth_line(rng, columns, 60)
        strength = rng.uniform(0.2, 0.8) * np.exp(-(((across - middle) / length) ** 2))
        thickness = rng.uniform(1.5, 4.0)
        first = int(max(row - 40, 0))
        last = int(min(row + 40, rows))
        if last - first < 2:
            continue
        distance = np.arange(first, last)[:, None] - centre
        streaks[first:last] += strength * np.exp(-((distance / thickness) ** 2))
    return streaks


def shading(rng: np.random.Generator, shape: tuple[int, int], foot_row: float) -> np.ndarray:
    """Gain along and across the sweep, (rows, columns): bright in the middle, darker at the head, fading at the foot.

    `foot_row`: the row about which the fading sets in.
    """
    rows, columns = shape
    along = 0.22 * rng.uniform(0.3, 1.3) * smooth_line(rng, rows, rows / 7)
    head = rng.uniform(0, 1.2) * np.exp(-np.arange(rows) / (rows * rng.uniform(0.02, 0.08)))
    fade_length = rows * rng.uniform(0.015, 0.06)
    depth = rng.uniform(1.0, 5.0) if rng.random() < 0.75 else 0.0
    foot = depth * np.logaddexp(0, (np.arange(rows) - foot_row) / fade_length) * 0.5
    slow = cubic_upsample(cubic_upsample(rng.standard_normal((9, 5)), rows, 0), columns, 1) / 0.4794
    return np.exp((along - head - foot)[:, None] + rng.uniform(0.1, 0.3) * slow)


def lost_contact(rng: np.random.Generator, body: np.ndarray, spacing: float) -> np.ndarray:
    """Transmission (0..1) near the lit edges, where the probe lifts off the skin: (rows, columns)."""
    rows, columns = body.shape
    left = np.argmax(body, axis=1)
    right = columns - 1 - np.argmax(body[:, ::-1], axis=1)
    across = np.arange(columns)
    depth = np.ones(body.shape)
    for edge, sign in ((left, 1), (right, -1)):
        # Mostly a narrow rim; in places the shadow reaches far in.
        width = np.exp(rng.normal(0.2, 0.4) + 0.7 * smooth_line(rng, rows, 30 / spacing)) / spacing
        lift = np.clip(smooth_line(rng, rows, 40 / spacing) - rng.uniform(0.6, 1.6), 0, 1)
        inward = (across[None, :] - edge[:, None]) * sign
        depth *= 1 - np.exp(-(np.maximum(inward, 0) + 0.7) / (0.6 + width * (0.25 + 8 * lift))[:, None])
    return depth


def paraspinal(rng: np.random.Generator, off_midline: np.ndarray) -> np.ndarray:
    """Log gain of the long back muscles on both sides of the midline; `off_midline`: distance from it, mm."""
    distance = rng.uniform(8, 12)
    width = rng.uniform(4, 8)
    return rng.uniform(-0.1, 0.4) * np.exp(-(((np.abs(off_midline) - distance) / width) ** 2))


@dataclass(frozen=True)
class Optics:
    """What person, scanner and layer make of the echo: the beam is `blur` times as wide; `clutter` fills so much of
    a shadow; `log_gain`: of all that comes back, a number or (rows, columns).
    """

    blur: float = 1.0
    clutter: float = 0.0
    log_gain: np.ndarray | float = 0.0


@dataclass(frozen=True)
class Echo:
    """What the slab echoes, (rows, columns) each: linear `intensity`; `muscle`, what it would be without bones, and
    `light`, what muscle alone would echo on average.

    `transmission`: the part of the slab, 0 to 1, that the bones leave free. `beam`: how wide the beam is along the
    sweep and across, mm (standard deviations).
    """

    intensity: np.ndarray
    muscle: np.ndarray
    light: np.ndarray
    transmission: np.ndarray
    beam: tuple[float, float]


def make_echo(
    rng: np.random.Generator,
    height: np.ndarray,
    body: np.ndarray,
    off_midline: np.ndarray,
    spacing: float,
    foot_row: float,
    optics: Optics | None = None,
) -> Echo:
    """What the slab echoes where bones of `height` (slab thicknesses) stand in it, scaled to a median `light` of 1.

    All images are (rows, columns). `body`: the lit pixels; `off_midline`: mm from the spine's line; `spacing`: mm per
    pixel; `foot_row`: where the fading toward the feet sets in.
    """
    optics = optics or Optics()
    shape = height.shape
    tissue = np.exp(muscle(rng, shape, spacing) + fascia(rng, shape, spacing) + paraspinal(rng, off_midline))
    light = shading(rng, shape, foot_row) * lost_contact(rng, body, spacing)
    light /= np.median(light[body])
    light *= np.exp(optics.log_gain)
    # The beam is wider across the image than along the sweep.
    beam = rng.uniform(0.4, 1.0) * optics.blur, rng.uniform(0.7, 1.6) * optics.blur
    soft = blur(np.clip(height, 0, 1), beam[0] / spacing, beam[1] / spacing)
    # Bone's own faint echo and reverberation keep a shadow from being quite black.
    transmission = 1 - (1 - rng.uniform(0.02, 0.10)) * (1 - optics.clutter) * np.clip(soft, 0, 1)
    unshadowed = tissue * light
    return Echo(unshadowed * transmission, unshadowed, light, transmission, beam)
