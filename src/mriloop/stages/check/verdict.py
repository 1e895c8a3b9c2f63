"""From findings to defects and from defects to a verdict: one monotone rule: more of a fault never improves it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from mriloop.imaging import background
from mriloop.model.coding import Subject, Weighting
from mriloop.model.quality import Defect, MissingSlice, SeriesKind, Severity, Verdict
from mriloop.model.quantity import Measure, Quantity
from mriloop.model.study import Series
from mriloop.stages.check import limits
from mriloop.stages.check.completeness import Found
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.measures import Sample
from mriloop.stages.check.motion import Moved

ORDER = (Verdict.ACCEPTABLE, Verdict.LIMITED, Verdict.REPEAT)
_COMPLETENESS = frozenset(
    {"missing_slices", "maybe_missing_slices", "short_volume", "stopped_early", "blank_slice", "identical_slices"}
)  # fmt: skip
_ECHO_PLANAR = frozenset({Weighting.BOLD, Weighting.DWI, Weighting.TRACE, Weighting.ASL, Weighting.PERFUSION})


def verdict_of(kind: SeriesKind, defects: Sequence[Defect], *, computed: bool, seen: bool) -> Verdict:
    """Return the verdict of a series from its defects.

    NOT_AN_IMAGE for objects without a picture. NOT_ASSESSABLE for phantoms, empty scans and localizers, whatever else
    is wrong, and for series whose pictures could not be seen, unless what is missing already asks for more. Computed
    series: LIMITED when not complete, else NOT_ASSESSABLE (they are computed again, not scanned again). All others:
    REPEAT with any major defect, LIMITED with any minor one, else ACCEPTABLE. Adding a defect, or raising its severity,
    never improves the answer.
    """
    if kind.object is Subject.NOT_AN_IMAGE:
        return Verdict.NOT_AN_IMAGE
    if kind.object in (Subject.PHANTOM, Subject.NONE) or kind.weighting is Weighting.LOCALIZER:
        return Verdict.NOT_ASSESSABLE
    if kind.weighting is Weighting.SCREENSHOT or any(d.code == "not_mr" for d in defects):
        return Verdict.NOT_ASSESSABLE
    worst = max((_RANK[d.severity] for d in defects), default=0)
    if computed:
        lacking = max((_RANK[d.severity] for d in defects if d.code in _COMPLETENESS), default=0)
        return Verdict.LIMITED if lacking else Verdict.NOT_ASSESSABLE
    if not seen and worst == 0:
        return Verdict.NOT_ASSESSABLE
    return ORDER[worst]


_RANK = {Severity.INFO: 0, Severity.MINOR: 1, Severity.MAJOR: 2}


def worst_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of a study: the worst of its assessed series; NOT_ASSESSABLE when none was assessed."""
    assessed = [v for v in verdicts if v in ORDER]
    return max(assessed, key=ORDER.index) if assessed else Verdict.NOT_ASSESSABLE


def completeness_defects(found: Found, kind: SeriesKind, series: Series) -> list[Defect]:
    """Return what is missing, short, doubled or not to be told."""
    result: list[Defect] = []
    whole = found.completeness
    common = [m for m in whole.missing if m.volume is None]
    single = [m for m in whole.missing if m.volume is not None]
    if common:
        result.append(_missing(common, found, series))
    if single:
        short = len({m.volume for m in single})
        share = short / max(found.volumes, 1)
        one = found.volumes == 1 or share > 0.5
        result.append(
            defect(
                "short_volume",
                Severity.MAJOR if one else Severity.MINOR,
                f"{short} of {found.volumes} volumes lack{'s' if short == 1 else ''} slices "
                f"({len(single)} in all): {_places(single)}.",
                number("slices_missing", len(single), "{count}", 0),
                number("volumes_short", short, "{count}", 0),
            )
        )
    if found.lost_volumes and found.planned_volumes:
        result.append(
            defect(
                "stopped_early",
                Severity.MINOR,
                f"{found.volumes} of {found.planned_volumes} planned volumes are there "
                f"({100 * found.volumes / found.planned_volumes:.0f} %): the scan was stopped, or a part was sent.",
                number("volumes_found", found.volumes, "{count}", found.planned_volumes),
            )
        )
    if found.question:
        asked = found.question[0].upper() + found.question[1:]
        result.append(defect("maybe_missing_slices", Severity.MINOR, asked if asked.endswith("?") else asked + "."))
    elif whole.expected is None and kind.weighting is not Weighting.LOCALIZER:
        result.append(defect("unknown_slice_count", Severity.INFO, f"Completeness cannot be told: {whole.basis}."))
    copies = len(series.duplicates) + found.spare
    if copies:
        result.append(
            defect(
                "duplicate_images",
                Severity.INFO,
                f"{copies} image{'s were' if copies > 1 else ' was'} sent more than once and counted once.",
                number("duplicates", copies, "{count}", 0),
            )
        )
    if found.slabs and not found.question:
        result.append(defect("separate_slabs", Severity.INFO, "The slices lie in separate blocks."))
    return result


def _missing(missing: Sequence[MissingSlice], found: Found, series: Series) -> Defect:
    """The one about slices that every volume lacks; its severity follows what the widest gap could hide."""
    spacing = found.spacing_mm or 0.0
    indices = sorted(m.index for m in missing)
    longest = run = 1
    for a, b in itertools.pairwise(indices):
        run = run + 1 if b == a + 1 else 1
        longest = max(longest, run)
    hidden = longest * spacing
    total = len(set(indices))
    each = (found.completeness.expected or 0) // max(found.volumes, 1)
    severe = hidden > limits.HIDDEN_MM + 0.05 or total > 0.1 * (
        (found.completeness.expected or 0) / max(found.volumes, 1)
    )
    return defect(
        "missing_slices",
        Severity.MAJOR if severe else Severity.MINOR,
        f"{total} slice{'s are' if total > 1 else ' is'} missing of {each}: "
        f"{_places(missing)}. The widest gap hides {hidden:.1f} mm.",
        number("slices_missing", total, "{count}", 0),
        number("widest_gap", hidden, "mm", limits.HIDDEN_MM),
    )


def _places(missing: Sequence[MissingSlice]) -> str:
    """Name up to four of them: number from 1 along the normal, and where it should lie (R, A, S in mm)."""
    parts = []
    for m in list(missing)[:4]:
        where = f"slice {m.index + 1}" + (f" of volume {m.volume + 1}" if m.volume is not None else "")
        if m.position_ras_mm is not None:
            where += " at R {:.1f}, A {:.1f}, S {:.1f} mm".format(*m.position_ras_mm)
        parts.append(where)
    return "; ".join(parts) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")


def motion_defects(moved: Moved) -> list[Defect]:
    """Return whether the patient moved between volumes: minor beyond the limit on average or under 90 % still."""
    mean, most, free = (moved.measures.get(n) for n in ("displacement_mean", "displacement_max", "motion_free"))
    if not (isinstance(mean, Quantity) and isinstance(most, Quantity) and isinstance(free, Quantity)):
        return []
    limit = moved.limit_mm
    severity = None
    if mean.value > limit or free.value < limits.STILL_MINOR:
        severity = Severity.MINOR
    if (
        mean.value > limits.MEAN_MAJOR * limit
        or free.value < limits.STILL_MAJOR
        or (severity is not None and most.value > limits.JUMP_MAJOR_MM)
    ):
        severity = Severity.MAJOR
    if severity is None:
        return []
    return [
        defect(
            "motion",
            severity,
            f"The patient moved {mean.value:.1f} mm on average between volumes, {most.value:.1f} mm at most; "
            f"{free.value:.0f} % of the volumes were still (moved less than {limit:.2f} mm).",
            number("displacement_mean", mean.value, "mm", limit),
            number("displacement_max", most.value, "mm", limits.JUMP_MAJOR_MM),
            number("motion_free", free.value, "%", limits.STILL_MINOR),
        )
    ]


def image_defects(sample: Sample, measures: Mapping[str, Measure], kind: SeriesKind) -> list[Defect]:
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
                Severity.MAJOR if _run(inner) * sample.spacing_mm[2] > limits.HIDDEN_MM else Severity.MINOR,
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
    result += _noise(sample, measures)
    result += _ghosts(measures, kind)
    return result


def snr_limits(spacing_mm: Sequence[float]) -> tuple[float, float]:
    """Return (minor, major) limits of the signal-to-noise ratio for this voxel size.

    Small voxels are bought with signal on purpose: below 3 mm³ the limits go with the square root of the voxel's volume
    (as many voxels as fill a given lesion average their noise away), down to half of them.
    """
    scale = math.sqrt(math.prod(spacing_mm) / limits.SNR_VOXEL_MM3)
    scale = min(max(scale, limits.SNR_SCALE_LEAST), 1.0)
    return limits.SNR_MINOR * scale, limits.SNR_MAJOR * scale


def spoilt(ghost: float, edges: float | None, *, planar: bool) -> float:
    """Return how much ghosts and blur spoil a picture: 0 not at all, 1 so much that it is to be repeated.

    ghost / 0.11 (0.30 for echo-planar pictures) + (0.20 - average edge strength) / 0.10, the second part only where
    ghosts exceed 0.03 and for pictures that are not echo-planar. Rises with ghosts and with loss of edges.
    """
    part = ghost / (limits.GHOST_SPOILS_EPI if planar else limits.GHOST_SPOILS)
    if planar or edges is None or ghost <= limits.GHOST_TELLS:
        return part
    return part + max(0.0, limits.SHARP - edges) / limits.BLUR_SPOILS


def _noise(sample: Sample, measures: Mapping[str, Measure]) -> list[Defect]:
    """The best of the three estimates counts: each of them errs to the low side for a reason of its own.

    The one from inside the object alone takes fine texture for noise: it can limit a series, not condemn it.
    """
    outside = [m.value for n in ("snr_air", "snr_difference") if isinstance(m := measures.get(n), Quantity)]
    inside = [m.value for n in ("snr_inside",) if isinstance(m := measures.get(n), Quantity)]
    if not outside and not inside:
        return []
    snr = max(*outside, *inside, 0.0)
    minor, major = snr_limits(sample.spacing_mm)
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


def _ghosts(measures: Mapping[str, Measure], kind: SeriesKind) -> list[Defect]:
    ghost, edges = measures.get("ghost_ratio"), measures.get("average_edge_strength")
    if not isinstance(ghost, Quantity):
        return []
    strength = edges.value if isinstance(edges, Quantity) else None
    planar = kind.weighting in _ECHO_PLANAR
    amount = spoilt(ghost.value, strength, planar=planar)
    if amount <= limits.SPOILT_MINOR:
        return []
    alone = spoilt(ghost.value, None, planar=planar)
    share = (
        f"Ghosts beside the object along the phase-encode direction reach {100 * ghost.value:.1f} % of its brightness"
    )
    blurred = strength is not None and amount > alone + 0.1
    evidence = [
        number("ghost_ratio", ghost.value, "1", limits.GHOST_SPOILS_EPI if planar else limits.GHOST_SPOILS),
        number("spoilt", amount, "{index}", limits.SPOILT_MINOR),
    ]
    if strength is not None and blurred:
        evidence.append(number("average_edge_strength", strength, "{index}", limits.SHARP))
    return [
        defect(
            "motion_artifact" if blurred else "ghosting",
            Severity.MAJOR if amount > limits.SPOILT_MAJOR else Severity.MINOR,
            share
            + (
                f", and its edges have only {100 * (strength or 0) / limits.SHARP:.0f} % of the usual strength."
                if blurred
                else "."
            ),
            *evidence,
        )
    ]


def _run(indices: Sequence[int]) -> int:
    groups = np.split(np.asarray(indices), np.flatnonzero(np.diff(indices) != 1) + 1)
    return max(len(group) for group in groups)
