"""A body on one visit: the painted person, the lesions of that day, and how they lie in the scanner."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mriloop.imaging.phantom.head import Map, head_map
from mriloop.imaging.phantom.motion import rigid
from mriloop.imaging.phantom.prescription import rotation
from mriloop.imaging.phantom.shapes import ellipsoid
from mriloop.imaging.phantom.tissues import Tissue
from mriloop.model.coding import Region
from mriloop.model.study import Point
from mriloop.model.volume import Affine

Field = npt.NDArray[Any]
HEAD_PIVOT: Point = (0.0, -15.0, 0.0)
OUTSIDE = (Tissue.AIR, Tissue.CSF, Tissue.VENTRICULAR_CSF, Tissue.CORTICAL_BONE, Tissue.DURA, Tissue.BLOOD)


class LesionKind(StrEnum):
    """What a lesion is made of."""

    MS = "ms"
    MS_ACTIVE = "ms_active"
    ADENOMA = "adenoma"
    FLUID = "postoperative_fluid"
    MARROW_OEDEMA = "marrow_oedema"
    ULCER = "ulcer"
    SOFT_TISSUE_OEDEMA = "soft_tissue_oedema"


LESION_TISSUE = {
    LesionKind.MS: Tissue.MS_LESION,
    LesionKind.MS_ACTIVE: Tissue.MS_LESION_ACTIVE,
    LesionKind.ADENOMA: Tissue.ADENOMA,
    LesionKind.FLUID: Tissue.POSTOPERATIVE_FLUID,
    LesionKind.MARROW_OEDEMA: Tissue.MARROW_OEDEMA,
    LesionKind.ULCER: Tissue.ULCER,
    LesionKind.SOFT_TISSUE_OEDEMA: Tissue.SOFT_TISSUE_OEDEMA,
}
_ANYWHERE = (LesionKind.ADENOMA, LesionKind.FLUID, LesionKind.ULCER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """An ellipsoid of other tissue.

    id : the same number for the same lesion on every visit, from 1
    center_mm, radii_mm, rotation_deg : in the body's own RAS+ frame
    severity : 0 (as the tissue around) to 1 (fully as `kind`); scales contrast, not size
    No lesion reaches into air, and most leave fluid, bone and vessels as they are: the volume is what lies in tissue.
    """

    id: int
    center_mm: Point
    radii_mm: Point
    kind: LesionKind = LesionKind.MS
    severity: float = 1.0
    rotation_deg: Point = (0.0, 0.0, 0.0)
    site: str = ""

    @property
    def diameter_mm(self) -> float:
        """Longest diameter, mm."""
        return 2 * max(self.radii_mm)

    @property
    def ellipsoid_ml(self) -> float:
        """Volume of the whole ellipsoid in mL, 4/3·π·a·b·c."""
        return float(4 / 3 * np.pi * np.prod(self.radii_mm) / 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One day in the scanner: the lesions of that day, how the body lies, and whether gadolinium was given."""

    lesions: tuple[Lesion, ...] = ()
    translation_mm: Point = (0.0, 0.0, 0.0)
    rotation_deg: Point = (0.0, 0.0, 0.0)
    gadolinium: bool = False

    @property
    def pose(self) -> Affine:
        """(4, 4) from the body's own RAS+ mm to RAS+ mm of the scanner on that day."""
        return rigid(self.translation_mm, self.rotation_deg, HEAD_PIVOT)


@dataclass(frozen=True, kw_only=True, eq=False)
class Anatomy:
    """What lies in the scanner, ready to be rendered on any grid.

    under, over, share, texture : as in `Map`, with the lesions painted in
    affine : (4, 4) from the index of that grid to the body's own RAS+ mm; pose : from there to the scanner
    lesions, lesion_ml : the lesions and their true volumes in tissue, mL
    lesion_shares : per lesion the index box it lies in and the share (0 to 1) it fills of each voxel there
    reference : tissue whose signal is the unit of `Faults.snr`
    """

    region: Region
    under: npt.NDArray[np.uint8]
    over: npt.NDArray[np.uint8]
    share: Field
    texture: Field
    affine: Affine
    pose: Affine
    gadolinium: bool
    reference: Tissue
    lesions: tuple[Lesion, ...] = ()
    lesion_ml: tuple[float, ...] = ()
    lesion_shares: tuple[tuple[tuple[slice, slice, slice], Field], ...] = field(default=(), repr=False)

    @cached_property
    def labels(self) -> npt.NDArray[np.uint8]:
        """(i, j, k) the tissue that fills most of each voxel of the anatomy's own grid."""
        return np.where(self.share > 0.5, self.over, self.under)

    @cached_property
    def inside_points(self) -> npt.NDArray[np.float64]:
        """(n, 3) points spread through what motion is measured on (brain, or all tissue of a limb), scanner RAS+ mm."""
        labels = self.labels[::7, ::7, ::7]
        inside = labels != Tissue.AIR
        if self.region is not Region.FOOT:
            inside = np.isin(
                labels, [Tissue.GREY_MATTER, Tissue.WHITE_MATTER, Tissue.CEREBELLAR_GREY, Tissue.BRAINSTEM]
            )
        index = np.argwhere(inside) * 7.0
        to_scanner = self.pose @ self.affine
        return np.asarray(index @ to_scanner[:3, :3].T + to_scanner[:3, 3], dtype=np.float64)

    @cached_property
    def filled(self) -> npt.NDArray[np.float64]:
        """(8, 3) corners of the box around all tissue, as indices of the anatomy's own grid."""
        filled = self.labels > 0
        ends = [np.flatnonzero(filled.any(axis=tuple({0, 1, 2} - {axis})))[[0, -1]] for axis in range(3)]
        return np.array(np.meshgrid(*ends, indexing="ij"), dtype=np.float64).reshape(3, -1).T

    @property
    def bounds_mm(self) -> npt.NDArray[np.float64]:
        """(8, 3) corners of the box around all tissue, scanner RAS+ mm."""
        to_scanner = self.pose @ self.affine
        return np.asarray(self.filled @ to_scanner[:3, :3].T + to_scanner[:3, 3], dtype=np.float64)

    def position_mm(self, lesion: Lesion) -> Point:
        """Return where the centre of a lesion lies in the scanner on this visit, RAS+ mm."""
        x, y, z = (self.pose @ np.array([*lesion.center_mm, 1.0]))[:3]
        return float(x), float(y), float(z)


def head(visit: Visit = Visit(), *, seed: int = 0) -> Anatomy:
    """Return the head of the person `seed` on one visit. The same seed is the same head, whatever the visit."""
    return furnish(head_map(seed), visit, region=Region.BRAIN, reference=Tissue.WHITE_MATTER)


def furnish(body: Map, visit: Visit, *, region: Region, reference: Tissue) -> Anatomy:
    """Return a painted body with the lesions of a visit in it."""
    affine = np.diag([body.pitch, body.pitch, body.pitch, 1.0])
    affine[:3, 3] = body.origin
    under, over, share = body.under, body.over, body.share
    if visit.lesions:
        under, over, share = under.copy(), over.copy(), share.copy()
    volumes, shares = [], []
    for lesion in visit.lesions:
        box, filled = _lesion_share(lesion, body)
        labels = np.where(body.share[box] > 0.5, body.over[box], body.under[box])
        spared = (Tissue.AIR,) if lesion.kind in _ANYWHERE else OUTSIDE
        room = np.where(np.isin(body.under[box], spared), 0, 1 - body.share[box])
        room = room + np.where(np.isin(body.over[box], spared), 0, body.share[box])
        filled = filled * room.astype(np.float32)
        touched = filled > 0
        under[box][touched] = labels[touched]
        over[box][touched] = LESION_TISSUE[lesion.kind]
        share[box][touched] = filled[touched] * np.float32(lesion.severity)
        volumes.append(float(filled.sum(dtype=np.float64)) * body.pitch**3 / 1000)
        shares.append((box, filled))
    return Anatomy(
        region=region,
        under=under,
        over=over,
        share=share,
        texture=body.texture,
        affine=affine,
        pose=visit.pose,
        gadolinium=visit.gadolinium,
        reference=reference,
        lesions=visit.lesions,
        lesion_ml=tuple(volumes),
        lesion_shares=tuple(shares),
    )


def _lesion_share(lesion: Lesion, body: Map, finer: int = 4) -> tuple[tuple[slice, slice, slice], Field]:
    """Return the index box around a lesion and the share of each voxel inside the ellipsoid, by finer sampling."""
    reach = max(lesion.radii_mm) + body.pitch
    box, axes = [], []
    for center, origin, n in zip(lesion.center_mm, body.origin, body.under.shape, strict=True):
        first = max(0, int(np.floor((center - reach - origin) / body.pitch)))
        last = min(n, int(np.ceil((center + reach - origin) / body.pitch)) + 1)
        box.append(slice(first, last))
        fine = np.arange((last - first) * finer, dtype=np.float32)
        axes.append(
            np.float32(origin) + np.float32(body.pitch) * (first + (fine + np.float32(0.5)) / finer - np.float32(0.5))
        )
    x, y, z = np.meshgrid(*axes, indexing="ij")
    distance = ellipsoid(lesion.center_mm, lesion.radii_mm, rotation(lesion.rotation_deg))((x, y, z))
    inside = np.clip(0.5 - distance * np.float32(finer / body.pitch), 0, 1)
    a, b, c = (s.stop - s.start for s in box)
    share = inside.reshape(a, finer, b, finer, c, finer).mean(axis=(1, 3, 5), dtype=np.float32)
    return (box[0], box[1], box[2]), share
