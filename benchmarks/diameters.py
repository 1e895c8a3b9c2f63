"""Diameters of the phantom's lesions at a signal-to-noise of 25, beside ITK's Feret diameter of the same masks.

Truth is the section of each ellipsoid in closed form. Bar: longest and perpendicular diameter within half a voxel with
the picture at hand. SimpleITK has no perpendicular diameter and no outline between voxels; it is given the mask.
"""

from __future__ import annotations

import time

import numpy as np

from mriloop.imaging.diameters import Diameters, measure
from mriloop.imaging.phantom import (
    Faults,
    Lesion,
    LesionKind,
    Prescription,
    Site,
    Visit,
    acquire,
    find_sites,
    flair_axial,
    head,
    t1_3d,
)
from mriloop.imaging.phantom.prescription import rotation
from mriloop.imaging.voxels import simpleitk

LESIONS = (
    (3, (7.0, 5.0, 6.0), (20.0, 30.0, 40.0)),
    (4, (5.0, 5.0, 5.0), (0.0, 0.0, 0.0)),
    (5, (9.0, 6.0, 7.0), (0.0, 0.0, 25.0)),
    (6, (4.0, 8.0, 5.0), (45.0, 10.0, 5.0)),
)
SNR = 25.0


def run() -> list[dict[str, object]]:
    """Return one row per method: errors in voxels (mean, worst), of volume, and milliseconds a lesion."""
    longest: dict[str, list[float]] = {}
    across: dict[str, list[float]] = {}
    volume: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}
    for seed, radii, turned in LESIONS:
        site = find_sites(seed, Site.DEEP, 1, np.random.default_rng(seed), [])[0]
        lesion = Lesion(id=1, center_mm=site, radii_mm=radii, rotation_deg=turned, kind=LesionKind.MS)
        body = head(Visit(lesions=(lesion,)), seed=seed)
        for prescribed in (flair_axial(), t1_3d()):
            scan = acquire(body, prescribed, seed=1, faults=Faults(snr=SNR))
            mask = scan.lesion_labels == 1
            truth = _section(radii, turned, np.array(site), scan.affine, prescribed)
            for name, picture in (("picture", scan.data), ("mask", None)):
                begun = time.process_time()
                found = measure(mask, scan.affine, picture=picture)
                _add(spent, name, 1000 * (time.process_time() - begun))
                if not isinstance(found, Diameters):
                    raise ValueError(found.reason)
                voxel = 2 * found.half_voxel_mm
                _add(longest, name, (found.longest_mm - truth[0]) / voxel)
                _add(across, name, (found.perpendicular_mm - truth[1]) / voxel)
                _add(volume, name, 100 * (found.volume_ml / body.lesion_ml[0] - 1))
            begun = time.process_time()
            feret = _feret(mask, prescribed.spacing)
            _add(spent, "SimpleITK Feret", 1000 * (time.process_time() - begun))
            _add(longest, "SimpleITK Feret", (feret - truth[0]) / max(prescribed.spacing[:2]))
    return [
        {
            "method": name,
            "lesions": len(longest[name]),
            "longest_mean_voxels": round(float(np.mean(longest[name])), 2),
            "longest_worst_voxels": round(float(np.max(np.abs(longest[name]))), 2),
            "perpendicular_worst_voxels": round(float(np.max(np.abs(across[name]))), 2) if name in across else "none",
            "volume_worst_percent": round(float(np.max(np.abs(volume[name]))), 1) if name in volume else "none",
            "cpu_median_ms": round(float(np.median(spent[name])), 1),
        }
        for name in longest
    ]


def _add(table: dict[str, list[float]], name: str, value: float) -> None:
    table.setdefault(name, []).append(value)


def _section(
    radii: tuple[float, float, float],
    turned: tuple[float, float, float],
    centre: np.ndarray,
    affine: np.ndarray,
    prescribed: Prescription,
) -> tuple[float, float]:
    """Return the longest diameter of an ellipsoid over the slices, and the one across it, mm."""
    inverse = rotation(turned) @ np.diag(1 / np.square(radii)) @ rotation(turned).T
    plane = np.linalg.qr(affine[:3, :2])[0]
    best = (0.0, 0.0)
    for k in range(prescribed.matrix[2]):
        away = (affine @ np.array([0, 0, k, 1.0]))[:3] - centre
        flat, slope = plane.T @ inverse @ plane, plane.T @ inverse @ away
        left = 1 - away @ inverse @ away + slope @ np.linalg.solve(flat, slope)
        if left > 0:
            small, large = np.linalg.eigvalsh(flat)
            best = max(best, (float(2 * np.sqrt(left / small)), float(2 * np.sqrt(left / large))))
    return best


def _feret(mask: np.ndarray, spacing: tuple[float, float, float]) -> float:
    """Return the longest Feret diameter over the slices by ITK, mm."""
    itk = simpleitk()
    best = 0.0
    for k in np.flatnonzero(mask.any(axis=(0, 1))):
        image = itk.GetImageFromArray(mask[:, :, k].astype(np.uint8))
        image.SetSpacing((spacing[1], spacing[0]))
        shape = itk.LabelShapeStatisticsImageFilter()
        shape.ComputeFeretDiameterOn()
        shape.Execute(image)
        best = max(best, float(shape.GetFeretDiameter(1)))
    return best
