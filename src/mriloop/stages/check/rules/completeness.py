"""Defects of completeness: what is missing, short, doubled or not to be told."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from mriloop.model.coding import Weighting
from mriloop.model.quality import Defect, MissingSlice, SeriesKind, Severity
from mriloop.model.study import Series
from mriloop.model.volume import Volume
from mriloop.stages.check.completeness import Found
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.limits import SHIPPED, Limits


def completeness_defects(found: Found, kind: SeriesKind, series: Series, limits: Limits = SHIPPED) -> list[Defect]:
    """Return what is missing, short, doubled or not to be told."""
    result: list[Defect] = []
    whole = found.completeness
    common = [m for m in whole.missing if m.volume is None]
    single = [m for m in whole.missing if m.volume is not None]
    if common:
        result.append(_missing(common, found, limits))
    if single:
        short = len({m.volume for m in single})
        share = short / max(found.volumes, 1)
        one = found.volumes == 1 or share > limits.short_share
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
    plan = found.plan
    if plan is not None:
        result.append(
            defect(
                "stopped_early",
                Severity.MINOR,
                f"{plan.counted} of {plan.planned} planned {plan.what} are there "
                f"({100 * plan.counted / plan.planned:.0f} %"
                + (f", by {plan.basis}" if plan.basis else "")
                + "): the scan was stopped, or a part was sent.",
                number("volumes_found", plan.counted, "{count}", plan.planned),
            )
        )
    if found.parts is not None:
        there, wanted = found.parts
        named = next((note for note in series.notes if "concatenation" in note), f"{there} of {wanted} parts are here")
        result.append(
            defect(
                "missing_parts",
                Severity.MAJOR if wanted - there > 0.1 * wanted else Severity.MINOR,
                f"The series was split for transfer: {named}.",
                number("parts_found", there, "{count}", wanted),
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


def blank_volumes(volumes: Sequence[Volume], limits: Limits = SHIPPED) -> list[Defect]:
    """Return whether time points hold one value everywhere: any is minor, over a tenth major, as a whole series is.

    Volumes that are no time series beside others that show something are left alone: a phase image may be empty.
    """
    flat = [not np.ptp(volume.data[..., t]) for volume in volumes if volume.data.ndim == 4 for t in range(volume.count)]
    if volumes and all(not np.ptp(volume.data) for volume in volumes):
        flat = flat or [True]
    lost = sum(flat)
    if not lost:
        return []
    share = lost / len(flat)
    what = f"{lost} of {len(flat)} volumes hold" if len(flat) > 1 else "The whole series holds"
    return [
        defect(
            "blank_volume",
            Severity.MAJOR if share > limits.blank_volumes_major else Severity.MINOR,
            f"{what} one value everywhere: no picture.",
            number("blank_volumes", lost, "{count}", 0),
        )
    ]


def _missing(missing: Sequence[MissingSlice], found: Found, limits: Limits) -> Defect:
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
    severe = hidden > limits.hidden_mm + 0.05 or total > limits.missing_share * (
        (found.completeness.expected or 0) / max(found.volumes, 1)
    )
    return defect(
        "missing_slices",
        Severity.MAJOR if severe else Severity.MINOR,
        f"{total} slice{'s are' if total > 1 else ' is'} missing of {each}: "
        f"{_places(missing)}. The widest gap hides {hidden:.1f} mm.",
        number("slices_missing", total, "{count}", 0),
        number("widest_gap", hidden, "mm", limits.hidden_mm),
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
