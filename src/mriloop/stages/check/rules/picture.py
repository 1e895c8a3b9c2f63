"""Defects that the picture itself shows: blank or doubled slices, too little signal, ghosts and blur."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mriloop.imaging import background
from mriloop.model.coding import Weighting
from mriloop.model.quality import Defect, SeriesKind, Severity
from mriloop.model.quantity import Measure, Quantity
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.measures import Sample

_ECHO_PLANAR = frozenset({Weighting.BOLD, Weighting.DWI, Weighting.TRACE, Weighting.ASL, Weighting.PERFUSION})


def image_defects(
    sample: Sample, measures: Mapping[str, Measure], kind: SeriesKind, limits: Limits = SHIPPED
) -> list[Defect]:
    """Return what the picture itself shows: blank or doubled slices, too little signal, ghosts, jumps."""
    result: list[Defect] = []
    blank = background.blank_slices(sample.values)
    inner = [
        k
        for k in blank
        if any(j not in blank for j in range(k)) and any(j not in blank for j in range(k, sample.values.shape[2]))
    ]
    if inner:
        result.append(
            defect(
                "blank_slice",
                Severity.MAJOR if _run(inner) * sample.spacing_mm[2] > limits.hidden_mm else Severity.MINOR,
                f"{len(inner)} slice{'s' if len(inner) > 1 else ''} inside the volume hold no picture: "
                + ", ".join(str(k + 1) for k in inner[:8]),
                number("blank_slices", len(inner), "{count}", 0),
            )
        )
    twins = background.identical_slices(sample.values)
    if twins:
        result.append(
            defect(
                "identical_slices",
                Severity.MINOR,
                "The same picture stands twice in a row: slices "
                + ", ".join(f"{a + 1} and {b + 1}" for a, b in twins[:4])
                + ".",
                number("identical_slices", len(twins), "{count}", 0),
            )
        )
    result += _noise(sample, measures, limits)
    result += _ghosts(measures, kind, limits)
    return result


def snr_limits(spacing_mm: Sequence[float], limits: Limits = SHIPPED) -> tuple[float, float]:
    """Return (minor, major) limits of the signal-to-noise ratio for this voxel size.

    Small voxels are bought with signal on purpose: below 3 mm³ the limits go with the square root of the voxel's volume
    (as many voxels as fill a given lesion average their noise away), down to half of them.
    """
    scale = math.sqrt(math.prod(spacing_mm) / limits.snr_voxel_mm3)
    scale = min(max(scale, limits.snr_scale_least), 1.0)
    return limits.snr_minor * scale, limits.snr_major * scale


def spoilt(ghost: float, edges: float | None, *, planar: bool, limits: Limits = SHIPPED) -> float:
    """Return how much ghosts and blur spoil a picture: 0 not at all, 1 so much that it is to be repeated.

    ghost / 0.11 (0.30 for echo-planar pictures) + (0.20 - average edge strength) / 0.10, the second part only where
    ghosts exceed 0.03 and for pictures that are not echo-planar. Rises with ghosts and with loss of edges.
    """
    part = ghost / (limits.ghost_spoils_epi if planar else limits.ghost_spoils)
    if planar or edges is None or ghost <= limits.ghost_tells:
        return part
    return part + max(0.0, limits.sharp - edges) / limits.blur_spoils


def _noise(sample: Sample, measures: Mapping[str, Measure], limits: Limits = SHIPPED) -> list[Defect]:
    """The best of the three estimates counts: each of them errs to the low side for a reason of its own.

    The one from inside the object alone takes fine texture for noise: it can limit a series, not condemn it.
    """
    outside = [m.value for n in ("snr_air", "snr_difference") if isinstance(m := measures.get(n), Quantity)]
    inside = [m.value for n in ("snr_inside",) if isinstance(m := measures.get(n), Quantity)]
    if not outside and not inside:
        return []
    snr = max(*outside, *inside, 0.0)
    minor, major = snr_limits(sample.spacing_mm, limits)
    if snr >= minor:
        return []
    return [
        defect(
            "low_snr",
            Severity.MAJOR if snr < major and outside else Severity.MINOR,
            f"The signal is {snr:.1f} times the noise; {minor:.1f} is wanted for voxels of this size.",
            number("snr", snr, "1", minor),
        )
    ]


def _ghosts(measures: Mapping[str, Measure], kind: SeriesKind, limits: Limits = SHIPPED) -> list[Defect]:
    ghost, edges = measures.get("ghost_ratio"), measures.get("average_edge_strength")
    if not isinstance(ghost, Quantity):
        return []
    strength = edges.value if isinstance(edges, Quantity) else None
    planar = kind.weighting in _ECHO_PLANAR
    amount = spoilt(ghost.value, strength, planar=planar, limits=limits)
    if amount <= limits.spoilt_minor:
        return []
    alone = spoilt(ghost.value, None, planar=planar, limits=limits)
    share = (
        f"Ghosts beside the object along the phase-encode direction reach {100 * ghost.value:.1f} % of its brightness"
    )
    blurred = strength is not None and amount > alone + 0.1
    evidence = [
        number("ghost_ratio", ghost.value, "1", limits.ghost_spoils_epi if planar else limits.ghost_spoils),
        number("spoilt", amount, "{index}", limits.spoilt_minor),
    ]
    if strength is not None and blurred:
        evidence.append(number("average_edge_strength", strength, "{index}", limits.sharp))
    return [
        defect(
            "motion_artifact" if blurred else "ghosting",
            Severity.MAJOR if amount > limits.spoilt_major else Severity.MINOR,
            share
            + (
                f", and its edges have only {100 * (strength or 0) / limits.sharp:.0f} % of the usual strength."
                if blurred
                else "."
            ),
            *evidence,
        )
    ]


def _run(indices: Sequence[int]) -> int:
    groups = np.split(np.asarray(indices), np.flatnonzero(np.diff(indices) != 1) + 1)
    return max(len(group) for group in groups)
