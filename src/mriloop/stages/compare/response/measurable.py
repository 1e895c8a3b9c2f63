"""Which lesions the criteria let be targets, and how many: objections to a baseline, never a change of its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from mriloop.model.response import ResponseHistory, ResponseVisit, Role, Size, Tissue, TrackedLesion

LONGEST_MM, NODE_MM, ACROSS_BM_MM = 10.0, 15.0, 5.0
THICK_MM = 5.0
Check = Callable[[TrackedLesion, Size, ResponseVisit], list[str]]


def least_mm(thickness: float | None) -> float:
    """Return the least measurable diameter, mm: 10, or twice the thickness of slices thicker than 5 mm."""
    return LONGEST_MM if thickness is None or thickness <= THICK_MM else 2 * thickness


def _short(name: str, value: float | None, least: float) -> list[str]:
    if value is None:
        return [f"{name} is not stated, so whether it is measurable is not known"]
    return [f"{name} is {value:g} mm, below {least:g} mm"] if value < least else []


def _recist(lesion: TrackedLesion, size: Size, visit: ResponseVisit) -> list[str]:
    if lesion.node:
        return _short("short axis", size.perpendicular_mm, NODE_MM)
    said = _short("longest diameter", size.longest_mm, least_mm(visit.slice_thickness_mm))
    if lesion.irradiated:
        said.append("it lies in a treated field, where progression must be shown first")
    return said


def _rano(lesion: TrackedLesion, size: Size, visit: ResponseVisit) -> list[str]:
    least = least_mm(visit.slice_thickness_mm)
    return [
        *_short("longest diameter", size.longest_mm, least),
        *_short("perpendicular diameter", size.perpendicular_mm, least),
        *_slices(size),
    ]


def _rano_bm(lesion: TrackedLesion, size: Size, visit: ResponseVisit) -> list[str]:
    across = ACROSS_BM_MM * least_mm(visit.slice_thickness_mm) / LONGEST_MM
    return [
        *_short("longest diameter", size.longest_mm, least_mm(visit.slice_thickness_mm)),
        *_short("perpendicular diameter", size.perpendicular_mm, across),
        *_slices(size),
    ]


def _slices(size: Size) -> list[str]:
    return ["it is seen on one slice, and two are needed"] if size.slices is not None and size.slices < 2 else []


def recist(history: ResponseHistory, baseline: ResponseVisit) -> tuple[str, ...]:
    """Return what RECIST 1.1 objects to: 10 mm (nodes 15 mm short axis), at most 5 targets and 2 an organ."""
    return (*_each(history, baseline, _recist), *_count(history, 5), *_organs(history), *_thickness(baseline))


def rano(history: ResponseHistory, baseline: ResponseVisit) -> tuple[str, ...]:
    """Return what RANO 2010 objects to: 10 × 10 mm on two slices, at most 5 targets."""
    return (*_each(history, baseline, _rano), *_count(history, 5), *_thickness(baseline))


def rano_2(history: ResponseHistory, baseline: ResponseVisit) -> tuple[str, ...]:
    """Return what RANO 2.0 objects to: 10 × 10 mm on two slices, at most 3 enhancing and 2 non-enhancing targets."""
    counted = [
        said
        for tissue, most in ((Tissue.ENHANCING, 3), (Tissue.NON_ENHANCING, 2))
        for said in _count(history, most, tissue)
    ]
    return (*_each(history, baseline, _rano), *counted, *_thickness(baseline))


def rano_bm(history: ResponseHistory, baseline: ResponseVisit) -> tuple[str, ...]:
    """Return what RANO-BM objects to: 10 mm by 5 mm on two slices, at most 5 targets."""
    return (*_each(history, baseline, _rano_bm), *_count(history, 5), *_thickness(baseline))


def _targets(history: ResponseHistory, tissue: Tissue | None = None) -> list[TrackedLesion]:
    return [each for each in history.lesions if each.role is Role.TARGET and tissue in (None, each.tissue)]


def _each(history: ResponseHistory, baseline: ResponseVisit, check: Check) -> list[str]:
    said = []
    for lesion in _targets(history):
        size = baseline.sizes.get(lesion.id, Size())
        if lesion.cavity:
            said.append(f"{lesion.id}: the wall of a cyst or cavity is not measured")
        said += [f"{lesion.id}: {each}" for each in check(lesion, size, baseline)]
    return said


def _count(history: ResponseHistory, most: int, tissue: Tissue | None = None) -> list[str]:
    count = len(_targets(history, tissue))
    kind = "" if tissue is None else f"{tissue} "
    return [f"{count} {kind}targets, and at most {most} are followed"] if count > most else []


def _organs(history: ResponseHistory) -> list[str]:
    counts = Counter(each.organ for each in _targets(history) if each.organ)
    return [f"{count} targets in {organ}, and at most 2 an organ" for organ, count in counts.items() if count > 2]


def _thickness(baseline: ResponseVisit) -> list[str]:
    thick = baseline.slice_thickness_mm
    if thick is None:
        return [f"slice thickness at {baseline.id} is not stated: measurability was judged for slices of at most 5 mm"]
    return []
