"""The back in the third dimension: its curves from the side, its skin, and how deep under it the slab lies.

Millimetres; y toward the feet as in `anatomy`, z backward (posterior), depth inward from the skin along z. What the
coronal picture shows of a spine is its projection along z, so that nothing here changes it.
"""

from dataclasses import dataclass

import numpy as np

from .anatomy import LEVELS, THORACIC, Spine, tilt_along
from .texture import smooth_field, vary

# The angles' end vertebrae, from the side: kyphosis T3 to T12, lordosis T12 to L5.
ENDS = tuple(LEVELS.index(level) for level in ("T3", "T12", "L5"))
# Mean, spread and range in normal subjects of 5 to 30 years, by these end vertebrae (Bernhardt & Bridwell, Spine 1989).
KYPHOSIS, KYPHOSIS_SPREAD, KYPHOSIS_RANGE = 36.0, 10.0, (9.0, 53.0)
LORDOSIS, LORDOSIS_SPREAD, LORDOSIS_RANGE = 44.0, 12.0, (15.0, 69.0)
# Degrees of kyphosis lost per degree of thoracic Cobb angle above 10: larger curves go with flatter chests (Newton et
# al., J Bone Joint Surg Am 2015); the amount is ours.
FLATTENING = 0.3


@dataclass(frozen=True)
class Slab:
    """What is projected: the tissue between two depths under the skin, `depth_mm` (its roof) and that + `thickness_mm`.

    Published VPI use slabs of about 3 mm (Cheung et al., TMI 2015).
    """

    depth_mm: float
    thickness_mm: float = 3.0

    @property
    def floor_mm(self) -> float:
        return self.depth_mm + self.thickness_mm

    def bone_depth(self, height: np.ndarray) -> np.ndarray:
        """Depth under the skin, mm, of bone of a height in slab thicknesses: height = (floor - depth) / thickness.

        Height 0, where no bone stands in the slab, gives the floor's depth.
        """
        return self.floor_mm - height * self.thickness_mm


@dataclass(frozen=True)
class SagittalProfile:
    """The spine from the side: `kyphosis_deg` and `lordosis_deg`, both positive in a normal back.

    `line_z`: how far back it stands at the spine's `line_y`, mm, 0 at T1.
    """

    kyphosis_deg: float
    lordosis_deg: float
    line_z: np.ndarray


def bend_spine(rng: np.random.Generator, spine: Spine) -> SagittalProfile:
    """A sagittal profile for a spine, flatter in the chest where its thoracic curves are large."""
    thoracic = max((abs(curve.cobb_deg) for curve in spine.curves if curve.apex in THORACIC), default=0.0)
    normal = np.clip(rng.normal(KYPHOSIS, KYPHOSIS_SPREAD), *KYPHOSIS_RANGE)
    kyphosis = max(float(normal) - FLATTENING * max(thoracic - 10, 0), 0.0)
    # A flatter chest goes with a flatter loin: the trunk stays over the pelvis.
    mean = LORDOSIS + 0.5 * (kyphosis - KYPHOSIS)
    lordosis = float(np.clip(rng.normal(mean, 0.9 * LORDOSIS_SPREAD), *LORDOSIS_RANGE))
    slope = tilt_along(spine.line_y, spine.y[list(ENDS)], np.array([kyphosis, 0.0, lordosis]), 60.0)
    # Balanced: over its length the spine hardly leans forward or back.
    along = (spine.line_y >= spine.y[0]) & (spine.line_y <= spine.y[-1])
    slope += rng.normal(0, 1.5) - slope[along].mean()
    z = np.cumsum(np.tan(np.radians(slope))) * float(spine.line_y[1] - spine.line_y[0])
    return SagittalProfile(kyphosis, lordosis, z - np.interp(spine.y[0], spine.line_y, z))


def skin_surface(
    rng: np.random.Generator, spine: Spine, profile: SagittalProfile, x_mm: np.ndarray, y_mm: np.ndarray
) -> np.ndarray:
    """z of the skin at the pixel centres `x_mm` (columns) and `y_mm` (rows): float32 (rows, columns), mm, 0 about T1.

    It follows the profile along the spine, rounds off to both sides, sinks in over the midline, and is carried along
    where vertebrae are turned (the rib hump).
    """
    off = x_mm - np.interp(y_mm, spine.line_y, spine.line_x)[:, None]
    trunk_rotation = rng.uniform(0.3, 0.5) * np.interp(y_mm, spine.y, spine.rotation_deg)
    furrow = rng.uniform(1.0, 3.0) * (0.4 + 0.6 / (1 + np.exp(-(y_mm - spine.y[11]) / 30)))
    skin = np.interp(y_mm, spine.line_y, profile.line_z)[:, None] - off**2 / (2 * rng.uniform(110, 180))
    skin += off * np.tan(np.radians(trunk_rotation))[:, None]
    skin -= furrow[:, None] * np.exp(-((off / (13 * vary(rng, 0.1))) ** 2))
    grain = 30 / float(y_mm[1] - y_mm[0])
    skin += 0.5 * smooth_field(rng, skin.shape, (grain, grain))
    return skin.astype(np.float32)


def spinous_tips(spine: Spine, height: np.ndarray, x_mm: np.ndarray, y_mm: np.ndarray) -> np.ndarray:
    """By how much the tips of the spinous processes stand above the midline's ridge, 0 to 1, (rows, columns).

    The ridge of `height` (rows, columns), in slab thicknesses, is what the VPI shows of them. Where it is dark, a tip
    stands above the slab and shadows it; where it is not, the beam has met the ligament between two tips.
    """
    pitch = np.gradient(spine.y)
    # they point downward from their vertebra, and to the side where it is turned (as in `bones`)
    along = np.exp(-(((y_mm[:, None] - spine.y - 0.3 * pitch) / (0.3 * pitch)) ** 4)).max(1)
    aside = np.interp(y_mm, spine.y, -20 * spine.scale * np.sin(np.radians(spine.rotation_deg)))
    away = x_mm - (np.interp(y_mm, spine.line_y, spine.line_x) + aside)[:, None]
    tips = along[:, None] * np.exp(-((away / (5 * spine.scale)) ** 2))
    return tips * np.clip((height - 0.5) / 0.3, 0, 1)
