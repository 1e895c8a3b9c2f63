"""How much sums of diameters, areas and volumes move when nothing has changed, and what that means for a verdict."""

from __future__ import annotations

from math import sqrt

from mriloop.model.guideline import Citation, Mark
from mriloop.model.judgement import Judged, Judgement, Repeatability
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.response import ResponseVisit, Seen, Size
from mriloop.stages.compare.response.sums import Sums

# Standard deviation of the change of one longest diameter between two scans within minutes, measured by readers.
DIAMETER_SD_MM = 2.4
LIMITS = 1.96
VOLUME_LOSS, VOLUME_GAIN = 0.35, 0.55
DIAMETER = Citation(
    text="Oxnard et al., Variability of lung tumor measurements on repeat computed tomography scans taken within "
    "15 minutes, J Clin Oncol 29:3114",
    year=2011,
    locator="discussion: standard deviation of 2.4 mm of change (PMC3157977); lung CT, the nearest that is published",
    mark=Mark.V2,
    doi="10.1200/JCO.2010.33.7071",
)
VOLUME = Citation(
    text="Limits of change of tumour volume by segmentation in a model of measurement error, Cancer Imaging",
    year=2015,
    locator="-35 % and +55 %; CT, abstract only",
    mark=Mark.V2,
)


def limit(sums: Sums, before: float, unit: str, visit: ResponseVisit, own: Repeatability | None, grown: bool) -> float:
    """Return the change of a sum, in its unit, that measurement alone makes no more than once in twenty times.

    Errors of separate lesions are independent, so they add as squares: 1.96 × 2.4 mm × √n for n diameters; a product
    a × b moves by the error of either side times the other.
    """
    count = max(len([size for size in sums.now.sizes.values() if size > 0]), 1)
    if own is not None:
        return max((own.percent or 0.0) / 100 * before, (own.absolute or 0.0) * sqrt(count))
    if unit == "mm":
        return LIMITS * DIAMETER_SD_MM * sqrt(count)
    if unit == "mm2":
        sizes = [visit.sizes.get(each.id, Size(seen=Seen.NOT_ASSESSED)) for each in sums.targets]
        squares = sum((each.longest_mm or 0.0) ** 2 + (each.perpendicular_mm or 0.0) ** 2 for each in sizes)
        return LIMITS * DIAMETER_SD_MM * sqrt(squares)
    return before * (VOLUME_GAIN if grown else VOLUME_LOSS)


def name_of(sums: Sums, since: str) -> str:
    """Return how the change of a sum since a visit is called."""
    return f"sum of {sums.tissue} targets since {since}" if sums.tissue else f"sum of targets since {since}"


def judge_change(
    sums: Sums, *, since: str, before: float | None, unit: str, visit: ResponseVisit, own: Repeatability | None
) -> Judgement:
    """Return whether a sum moved by more than measuring it twice would move it, against baseline or nadir."""
    name = name_of(sums, since)
    now = sums.now.total
    citation = (own.citation if own is not None else None) or (VOLUME if unit == "mL" else DIAMETER)
    if now is None or before is None:
        return Judgement(
            measure=name,
            today=NotAssessable(reason="a target was not measured") if now is None else Quantity(value=now, unit=unit),
            before=NotAssessable(reason="a target was not measured")
            if before is None
            else Quantity(value=before, unit=unit),
            judged=Judged.CANNOT_TELL,
            because="a target was not measured",
            citation=citation,
        )
    change = now - before
    beyond = limit(sums, before, unit, visit, own, change > 0)
    changed = abs(change) > beyond
    source = (
        f"the site's own repeatability ({own.when or own.measure})"
        if own is not None
        else (
            "the published repeatability of volume (CT)"
            if unit == "mL"
            else "the published repeatability of diameters (lung CT)"
        )
    )
    return Judgement(
        measure=name,
        today=Quantity(value=now, unit=unit),
        before=Quantity(value=before, unit=unit),
        judged=Judged.CHANGED if changed else Judged.WITHIN,
        because=f"{change:+.4g} {unit}; by {source}, measuring twice moves it by up to {beyond:.3g} {unit}",
        change=change,
        change_percent=100 * change / before if before else None,
        beyond=beyond,
        citation=citation,
    )
