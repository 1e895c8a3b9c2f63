"""Lets a picture be seen through the slices of another: thin slices are averaged as thick ones average the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.resample import Points
from mriloop.model.volume import Affine, Floats

Map = npt.NDArray[np.float32]
_WORTH = 1.05  # slices that differ by less are alike
_HOLD = 0.02  # keeps frequencies that the own slice has already wiped out from being blown up


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceProfile:
    """How a picture averages the body through its slices.

    normal : (3,) unit vector through the slices, RAS+
    thickness_mm : DICOM SliceThickness: full width at half maximum of the profile, without the gap
    """

    normal: Points
    thickness_mm: float


def slice_profile(
    affine: Affine, *, slice_axis: int = 2, thickness_mm: float | None = None, moved: Affine | None = None
) -> SliceProfile:
    """Return the profile of a picture; `moved` is a (4, 4) map that carries it elsewhere (its slices turn with it).

    Without `thickness_mm` slices are taken to lie side by side, as thick as they are apart.
    """
    column = np.asarray(affine[:3, slice_axis], dtype=np.float64)
    spacing = float(np.linalg.norm(column))
    if moved is not None:
        column = np.asarray(moved[:3, :3] @ column, dtype=np.float64)
    normal = column / np.linalg.norm(column)
    return SliceProfile(normal=normal, thickness_mm=spacing if thickness_mm is None else float(thickness_mm))


def seen_through(data: Floats, affine: Affine, own: SliceProfile, other: SliceProfile) -> Map:
    """Return a picture as if it had been taken with the slices of another, on its own voxels.

    Both profiles in the frame of `affine`. Along the other's normal the picture already averages over what its own
    slice and pixels span there; what is missing to the other's thickness is added by the quotient of the two box
    profiles, in Fourier space, so that slices may be turned against each other by any angle. A picture that is no
    sharper along that normal comes back as it is.
    """
    picture = np.asarray(data, dtype=np.float32)
    width = span(affine, own, other.normal)
    if other.thickness_mm <= _WORTH * width:
        return picture
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    pad = [min(n - 1, int(np.ceil(1.5 * other.thickness_mm / s))) for n, s in zip(picture.shape, spacing, strict=True)]
    padded = np.pad(picture, [(p, p) for p in pad], mode="reflect")
    axes = np.asarray(affine[:3, :3]) / spacing
    along = axes.T @ other.normal
    waves = [np.fft.fftfreq(n, s) for n, s in zip(padded.shape[:2], spacing[:2], strict=True)]
    waves.append(np.fft.rfftfreq(padded.shape[2], spacing[2]))
    cycles = sum(
        (w * a).reshape([-1 if n == axis else 1 for n in range(3)])
        for axis, (w, a) in enumerate(zip(waves, along, strict=True))
    )
    mine, theirs = np.sinc(cycles * width), np.sinc(cycles * other.thickness_mm)
    gain = (theirs * mine + _HOLD * theirs) / (mine**2 + _HOLD)
    seen = np.fft.irfftn(np.fft.rfftn(padded) * gain, s=padded.shape, axes=(0, 1, 2))
    inner = tuple(slice(p, p + n) for p, n in zip(pad, picture.shape, strict=True))
    return np.asarray(seen[inner], dtype=np.float32)


def span(affine: Affine, own: SliceProfile, normal: Points) -> float:
    """Return over how many mm a voxel averages along a direction: the box of the same variance."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    axes = np.asarray(affine[:3, :3]) / spacing
    widths = spacing.copy()
    widths[int(np.argmax(np.abs(axes.T @ own.normal)))] = own.thickness_mm
    return float(np.sqrt(np.sum((axes.T @ normal * widths) ** 2)))


def matched(
    today: Floats,
    today_affine: Affine,
    prior: Floats,
    prior_affine: Affine,
    to_today: Affine,
    *,
    thickness_mm: tuple[float | None, float | None] = (None, None),
    slice_axes: tuple[int, int] = (2, 2),
) -> tuple[Map, Map]:
    """Return both pictures, on their own voxels, each seen through the other's slices where those are thicker.

    to_today : (4, 4) rigid map from RAS+ mm of the prior to RAS+ mm of today
    thickness_mm, slice_axes : of today and the prior
    """
    back = np.asarray(np.linalg.inv(to_today), dtype=np.float64)
    mine = slice_profile(today_affine, slice_axis=slice_axes[0], thickness_mm=thickness_mm[0])
    theirs = slice_profile(prior_affine, slice_axis=slice_axes[1], thickness_mm=thickness_mm[1])
    theirs_here = SliceProfile(normal=to_today[:3, :3] @ theirs.normal, thickness_mm=theirs.thickness_mm)
    mine_there = SliceProfile(normal=back[:3, :3] @ mine.normal, thickness_mm=mine.thickness_mm)
    return seen_through(today, today_affine, mine, theirs_here), seen_through(prior, prior_affine, theirs, mine_there)
