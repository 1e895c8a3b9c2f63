"""Judges a difference between two visits: changed, no change beyond what the method can tell, or cannot tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from mriloop.model.coding import Region
from mriloop.model.fact import Truth
from mriloop.model.judgement import Judged, Judgement, Repeatability
from mriloop.model.quantity import Measure, NotAssessable, Quantity, UnitError, factor, known_units

MEASURES: Mapping[str, str] = {
    "ADC": "mm2/s",
    "fat fraction": "%",
    "lesion volume": "mL",
    "lesion load": "mL",
    "tumour volume": "mL",
    "diameter": "mm",
    "sum of diameters": "mm",
    "disc area": "mm2",
    "disc length": "mm",
    "relative enhancement": "%",
    "T2*": "ms",
    "joint space": "mm",
    "signal ratio": "1",
}
"""What can be judged, and a unit that it is measured in; others of the same dimension serve as well."""

# 95 % of the differences between two measurements of one thing are smaller than 1.96 √2 of their standard deviation
# (Bland and Altman, BMJ 1996;313:744).
COVERAGE = 1.96 * math.sqrt(2.0)
_SHOWN = {"mm2/s": ("10*-6.mm2/s", "× 10⁻⁶ mm²/s", 0), "mL": ("mL", "mL", 3), "%": ("%", "points", 1)}


def judge(
    measure: str,
    today: Measure,
    before: Measure,
    repeatability: Repeatability | None,
    *,
    pair_noise: float | None = None,
    obstacle: str = "",
) -> Judgement:
    """Say whether a measure changed between two visits.

    Parameters
    ----------
    today, before : the measure at both visits; units may differ within one dimension
    repeatability : of this measure in these circumstances (`choose`); None: nobody knows
    pair_noise : standard deviation, in the unit of `repeatability`, of one measurement in this very pair, such as the
        noise of its pictures makes. Where only that of the difference is known, give it divided by √2
    obstacle : why nothing may be concluded (alignment or quality failed), in words; empty: nothing stands in the way

    A change counts when it exceeds each of: the percentage of the earlier value (or the factor), the absolute limit,
    and 2.77 times the noise of the pair. With an obstacle, a measure that could not be taken, no repeatability, or a
    limit of nothing (a percentage of zero), the answer is `cannot tell`, never `no change`.
    """
    if isinstance(today, NotAssessable) or isinstance(before, NotAssessable):
        missing = today if isinstance(today, NotAssessable) else before
        visit = "today" if isinstance(today, NotAssessable) else "before"
        assert isinstance(missing, NotAssessable)
        return _untold(measure, today, before, obstacle or f"not measured {visit}: {missing.reason}")
    unit = today.unit if repeatability is None else repeatability.unit
    now, then = today.to(unit), before.to(unit)
    change = now.value - then.value
    percent = 100.0 * change / abs(then.value) if then.value else None
    if not (math.isfinite(now.value) and math.isfinite(then.value)):
        return _untold(measure, now, then, obstacle or "the measure is not a finite number")
    if obstacle or repeatability is None:
        why = obstacle or f"the repeatability of {measure} in these circumstances is not known"
        return _untold(measure, now, then, why, change, percent)
    beyond = least_change(now.value, then.value, repeatability, pair_noise)
    if beyond <= 0.0:
        why = f"the limit is {repeatability.percent or 0:g} % of nothing, and no absolute one is known"
        return _untold(measure, now, then, why, change, percent)
    return Judgement(
        measure=measure,
        today=now,
        before=then,
        judged=Judged.CHANGED if abs(change) > beyond else Judged.WITHIN,
        because=_because(repeatability, beyond, pair_noise),
        change=change,
        change_percent=percent,
        beyond=beyond,
        citation=repeatability.citation,
    )


def least_change(now: float, then: float, repeatability: Repeatability, pair_noise: float | None = None) -> float:
    """Return the least change that counts, in the unit of the repeatability; 0 where there is no limit at all."""
    share = (repeatability.percent or 0.0) / 100.0
    relative = share * abs(then)
    if repeatability.ratio and now < then:
        relative = abs(then) * share / (1.0 + share)
    return max(relative, repeatability.absolute or 0.0, COVERAGE * (pair_noise or 0.0))


def choose(
    listed: Iterable[Repeatability],
    measure: str,
    *,
    region: Region = Region.UNKNOWN,
    same_scanner: Truth = Truth.UNKNOWN,
) -> Repeatability | None:
    """Return the coefficient for a measure in its circumstances, None where none holds.

    A region or a scanner that is stated must hold; where it is unknown whether both visits were on one scanner, those
    for other scanners hold only, since they let less count as change. The site's wins over a shipped one, then the
    one that states more, then the one that lets less count.
    """
    across = Truth.FALSE if same_scanner is Truth.UNKNOWN else same_scanner
    holding = [
        one
        for one in listed
        if one.measure == measure
        and (not one.regions or region in one.regions)
        and one.same_scanner in (Truth.UNKNOWN, across)
    ]
    return max(holding, key=_rank, default=None)


def _rank(one: Repeatability) -> tuple[bool, int, float, float]:
    stated = bool(one.regions) + (one.same_scanner is not Truth.UNKNOWN)
    return one.site, stated, one.percent or 0.0, one.absolute or 0.0


def words(judgement: Judgement) -> str:
    """Return a judgement as a sentence for a report. "Stable" is no word of it: what is within the noise may change."""
    name = judgement.measure
    if judgement.judged is Judged.CANNOT_TELL:
        values = f" ({_pair(judgement)})" if judgement.change is not None else ""
        return f"{name}: cannot tell whether it changed{values}: {judgement.because}."
    assert judgement.beyond is not None
    assert isinstance(judgement.today, Quantity)
    limit = _number(judgement.beyond, judgement.today.unit)
    if judgement.judged is Judged.WITHIN:
        return f"{name}: no change beyond {limit} ({_pair(judgement)}); {judgement.because}."
    up = (judgement.change or 0.0) > 0
    return f"{name}: {'higher' if up else 'lower'} ({_pair(judgement)}), beyond {limit}; {judgement.because}."


def faults_in(listed: Sequence[Repeatability]) -> list[tuple[str, str]]:
    """Return what is wrong with coefficients, as (place, text): part of `mriloop norms lint`.

    Unknown measures, units that do not measure them, no limit at all, numbers that make no sense, a citation without
    a place in it, and two of one origin for the same circumstances.
    """
    found: list[tuple[str, str]] = []
    for one in listed:
        found += [(one.place, text) for text in _faults(one)]
    for one, other in combinations(listed, 2):
        same = one.measure == other.measure and one.site == other.site and one.same_scanner is other.same_scanner
        if same and set(one.regions) == set(other.regions):
            found.append((other.place, f"{other.measure} is also given by {one.place} for the same circumstances"))
        elif same and set(one.regions) & set(other.regions) and len(one.regions) == len(other.regions):
            found.append((other.place, f"{other.measure} is also given by {one.place}, and neither is more special"))
    return found


def _faults(one: Repeatability) -> list[str]:
    if one.measure not in MEASURES:
        return [f"no measure is called {one.measure}; known are {', '.join(MEASURES)}"]
    wrong = []
    if one.unit not in known_units():
        wrong.append(f"unknown unit {one.unit}")
    else:
        try:
            factor(one.unit, MEASURES[one.measure])
        except UnitError:
            wrong.append(f"{one.measure} is measured in {MEASURES[one.measure]}, not in {one.unit}")
    if one.percent is None and one.absolute is None:
        wrong.append("neither percent nor absolute is given: nothing would ever be a change, or everything")
    if one.percent is not None and not 0.0 < one.percent <= 300.0:
        wrong.append(f"percent must lie above 0 and up to 300, not {one.percent:g}")
    if one.absolute is not None and not (0.0 < one.absolute < math.inf):
        wrong.append(f"absolute must be above 0, not {one.absolute:g}")
    if one.ratio and one.percent is None:
        wrong.append("ratio without percent")
    if one.citation is None or not one.citation.locator.strip():
        wrong.append("a citation with its place (page, table, abstract) is missing")
    return wrong


def _untold(
    measure: str,
    today: Measure,
    before: Measure,
    why: str,
    change: float | None = None,
    percent: float | None = None,
) -> Judgement:
    return Judgement(
        measure=measure, today=today, before=before, judged=Judged.CANNOT_TELL, because=why, change=change,
        change_percent=percent,
    )  # fmt: skip


def _because(repeatability: Repeatability, beyond: float, pair_noise: float | None) -> str:
    if pair_noise is not None and COVERAGE * pair_noise >= beyond:
        return f"the noise of this pair alone makes differences of up to {_number(beyond, repeatability.unit)}"
    source = repeatability.citation
    cited = f" ({source.text.split('.')[0]}, {source.year})" if source else ""
    limits = [
        f"{round(repeatability.percent, 1):g} %" if repeatability.percent is not None else "",
        _number(repeatability.absolute, repeatability.unit) if repeatability.absolute is not None else "",
    ]
    said = " and ".join(filter(None, limits))
    return f"repeated measurements differ by up to {said}: {repeatability.when}{cited}"


def _pair(judgement: Judgement) -> str:
    today, before = judgement.today, judgement.before
    assert isinstance(today, Quantity)
    assert isinstance(before, Quantity)
    share = f", {judgement.change_percent:+.0f} %" if judgement.change_percent is not None else ""
    then, now = _number(before.value, before.unit, bare=True), _number(today.value, today.unit)
    return f"{then} → {now}{share}"


def _number(value: float, unit: str, *, bare: bool = False) -> str:
    code, shown, digits = _SHOWN.get(unit, (unit, "" if unit == "1" else unit, 2))
    number = f"{Quantity(value=value, unit=unit).to(code).value:.{digits}f}"
    return number if bare else f"{number} {shown}".strip()
