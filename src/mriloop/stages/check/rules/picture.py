"""Defects that the picture itself shows: blank or doubled slices, too little signal, ghosts and blur."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mriloop.imaging import slices
from mriloop.model.coding import Region, Weighting
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
    blank = slices.blank_slices(sample.values)
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
    result += _blank_ends(sample, blank, limits)
    twins = slices.identical_slices(sample.values)
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
    result += _gravest(
        _ghosts(measures, kind, limits, sides_cut=sample.sides_cut), _half_field_ghosts(measures, kind, limits)
    )
    result += simple_defects(measures, limits)
    result += _uneven(measures, kind, limits)
    return result


@dataclass(frozen=True, slots=True)
class Limit:
    """One measure, one defect: the names of its minor and major limit (None: never that bad), and what is said of it.

    `sign` 1 where more is worse, -1 where less is.
    """

    measure: str
    code: str
    minor: str
    major: str | None
    says: str
    scale: float = 100.0
    sign: int = 1


LIMITS: tuple[Limit, ...] = (
    Limit("herringbone", "herringbone", "herringbone_minor", "herringbone_major",
          "Stripes over a whole slice reach {:.0f} % of the brightness of the object."),
    Limit("zipper", "zipper", "zipper_minor", "zipper_major",
          "A line across the picture has {:.0f} % of the brightness of the object."),
    Limit("folded_share", "wrap_around", "fold_minor", None,
          "On {:.0f} % of the object's lines, tissue runs on from one end of the field of view to the other."),
    Limit("interleave_tear", "slices_torn", "tear_minor", "tear_major",
          "A slice differs from its neighbour {:.1f} times as much as from the next but one.", 1.0),
    Limit("interleave_step", "slices_uneven", "step_minor", None,
          "Odd and even slices differ by {:.0f} % in brightness."),
    Limit("clipped_share", "clipped", "clipped_minor", "clipped_major",
          "{:.0f} % of the object hold the greatest value there is."),
    Limit("grey_levels", "few_grey_levels", "levels_minor", None,
          "The object has {:.0f} levels of grey.", 1.0, -1),
)  # fmt: skip


def simple_defects(
    measures: Mapping[str, Measure], limits: Limits = SHIPPED, table: Sequence[Limit] = LIMITS
) -> list[Defect]:
    """Return the defects of measures that each stand for one: beyond its minor limit, and beyond its major one.

    A fold is never major: tissue that fills a small field of view to both ends can pass for one.
    """
    found = []
    for limit in table:
        measure = measures.get(limit.measure)
        minor = getattr(limits, limit.minor)
        if not isinstance(measure, Quantity) or limit.sign * (measure.value - minor) <= 0:
            continue
        major = getattr(limits, limit.major) if limit.major else None
        severe = major is not None and limit.sign * (measure.value - major) > 0
        found.append(
            defect(
                limit.code,
                Severity.MAJOR if severe else Severity.MINOR,
                limit.says.format(limit.scale * measure.value),
                number(limit.measure, measure.value, measure.unit, minor),
            )
        )
    return found


_EVEN = frozenset({Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK, Region.PELVIS, Region.PROSTATE, Region.UTERUS})
_ONE_SIDED = frozenset({Region.KNEE, Region.SHOULDER, Region.HIP, Region.WRIST, Region.HAND, Region.ELBOW,
                        Region.ANKLE, Region.FOOT, Region.EXTREMITY, Region.BREAST, Region.HEART})  # fmt: skip


def _uneven(measures: Mapping[str, Measure], kind: SeriesKind, limits: Limits = SHIPPED) -> list[Defect]:
    """One side darker than the other. A joint or a breast alone is not the same left and right, and says nothing.

    Pictures alone do not tell a coil fault for sure (ISMRM 2024 #1575), so that it is never a reason to repeat; outside
    the head and the pelvis, which are the same left and right, it informs only.
    """
    measure = measures.get("left_right_asymmetry")
    if not isinstance(measure, Quantity) or measure.value <= limits.asymmetry_info or kind.region in _ONE_SIDED:
        return []
    strong = measure.value > limits.asymmetry_minor and kind.region in _EVEN
    ratio = (1 + measure.value) / (1 - measure.value) if measure.value < 0.99 else 99.0
    return [
        defect(
            "uneven_signal",
            Severity.MINOR if strong else Severity.INFO,
            f"One side of the body is {ratio:.1f} times as bright as the other.",
            number("left_right_asymmetry", measure.value, measure.unit, limits.asymmetry_info),
        )
    ]


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

    ghost / 0.15 (0.40 for echo-planar pictures), times up to 2 as the average edge strength falls from 0.20 to 0.10
    (not for echo-planar pictures). Edges alone never spoil: dull ones may be the anatomy, the matrix or interpolation.
    Rises with ghosts and with loss of edges.
    """
    part = ghost / (limits.ghost_spoils_epi if planar else limits.ghost_spoils)
    if planar or edges is None:
        return part
    return part * (1 + min(1.0, max(0.0, limits.sharp - edges) / limits.blur_spoils))


def _blank_ends(sample: Sample, blank: Sequence[int], limits: Limits) -> list[Defect]:
    """More slices without a picture than the padding of a slab, counted over the whole stack.

    Where the scanner or a tool set the air of the other slices to one value, slices beyond the object are blank by
    right: twice the share is asked for.
    """
    share = len(blank) / sample.values.shape[2]
    factor = 2.0 if _cut_out(sample, blank) else 1.0
    if share <= factor * limits.blank_share_minor:
        return []
    return [
        defect(
            "blank_slice",
            Severity.MAJOR if share > factor * limits.blank_share_major else Severity.MINOR,
            f"{len(blank)} of {sample.values.shape[2]} slices hold no picture.",
            number("blank_share", share, "1", factor * limits.blank_share_minor),
        )
    ]


def _cut_out(sample: Sample, blank: Sequence[int]) -> bool:
    """Tell whether a fifth and more of the slices that hold a picture has one value, as after masking."""
    kept = [k for k in range(sample.values.shape[2]) if k not in set(blank)][::4]
    shown = sample.values[:, :, kept]
    return bool(shown.size) and float((shown == shown.min()).mean()) > 0.2


def _noise(sample: Sample, measures: Mapping[str, Measure], limits: Limits = SHIPPED) -> list[Defect]:
    """The best of the three estimates counts: each of them errs to the low side for a reason of its own.

    The one from inside the object alone takes fine texture for noise: it can limit a series, and condemns it only where
    it reads as noise alone does. Otherwise a series so noisy that no air is found any more would get off lightly.
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
            Severity.MAJOR if snr < (major if outside else limits.snr_inside_major) else Severity.MINOR,
            f"The signal is {snr:.1f} times the noise; {minor:.1f} is wanted for voxels of this size.",
            number("snr", snr, "1", minor),
        )
    ]


def _ghosts(
    measures: Mapping[str, Measure], kind: SeriesKind, limits: Limits = SHIPPED, *, sides_cut: int = 0
) -> list[Defect]:
    """Ghosts with or without blur. Less is asked of them where less is known of their axis and of what is air."""
    ghost, edges = measures.get("ghost_ratio"), measures.get("average_edge_strength")
    known = isinstance(ghost, Quantity)
    if not known:
        ghost = measures.get("ghost_ratio_either")
    if not isinstance(ghost, Quantity):
        return []
    planar = kind.weighting in _ECHO_PLANAR
    if sides_cut > 1 or not known:
        return _gross(ghost, limits, "ghost_ratio" if known else "ghost_ratio_either")
    strength = edges.value if isinstance(edges, Quantity) else None
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


def _half_field_ghosts(measures: Mapping[str, Measure], kind: SeriesKind, limits: Limits) -> list[Defect]:
    """Ghosts half a field away, seen in k-space, where no air is needed. Edges do not count: the ghost has its own."""
    ghost = measures.get("half_field_ghost")
    if not isinstance(ghost, Quantity) or ghost.value <= limits.half_field_tells:
        return []
    planar = kind.weighting in _ECHO_PLANAR
    amount = spoilt(ghost.value, None, planar=planar, limits=limits)
    if amount <= limits.spoilt_minor:
        return []
    return [
        defect(
            "ghosting",
            Severity.MAJOR if amount > limits.spoilt_major else Severity.MINOR,
            f"A copy of the object lies half a field of view away, at {100 * ghost.value:.0f} % of its brightness.",
            number("half_field_ghost", ghost.value, "1", limits.ghost_spoils_epi if planar else limits.ghost_spoils),
            number("spoilt", amount, "{index}", limits.spoilt_minor),
        )
    ]


def _gravest(*answers: list[Defect]) -> list[Defect]:
    """Return the answer with the gravest defect of several that speak of one fault; the first of equals."""
    order = (Severity.INFO, Severity.MINOR, Severity.MAJOR)
    return max(answers, key=lambda answer: max((order.index(one.severity) for one in answer), default=-1))


def _gross(ghost: Quantity, limits: Limits, name: str) -> list[Defect]:
    """Ghosts where dark tissue or the axis may deceive: only gross ones, and never a reason to repeat by themselves."""
    if ghost.value <= limits.ghost_cut_minor:
        return []
    return [
        defect(
            "ghosting",
            Severity.MINOR,
            f"What lies beside the object on one axis has {100 * ghost.value:.0f} % of its brightness; part of it may "
            "be tissue, since the field of view cuts the object or the phase-encode axis is unknown.",
            number(name, ghost.value, ghost.unit, limits.ghost_cut_minor),
        )
    ]


def _run(indices: Sequence[int]) -> int:
    groups = np.split(np.asarray(indices), np.flatnonzero(np.diff(indices) != 1) + 1)
    return max(len(group) for group in groups)
