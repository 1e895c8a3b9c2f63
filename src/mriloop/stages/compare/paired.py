"""Values over visits, each judged against the one before and the first by limits of agreement."""

from __future__ import annotations

from itertools import pairwise

from mriloop.model.guideline import Citation
from mriloop.model.judgement import Judged, Judgement
from mriloop.model.quantity import Measure, NotAssessable, Quantity
from mriloop.model.response import Entry, Pattern

# Half a unit in the last place of what people type: a difference that meets a limit exactly does not exceed it.
_SLACK = 1e-9


def entry(
    name: str,
    unit: str,
    visits: tuple[str, ...],
    values: tuple[Measure, ...],
    *,
    limit: float | None,
    because: str,
    citation: Citation | None,
    notes: tuple[str, ...] = (),
) -> Entry:
    """Return one entry over visits.

    Parameters
    ----------
    values
        One for each of `visits`, oldest first.
    limit
        The difference, in `unit`, that two readings of the same thing reach; only more than that is a change. None
        where no limit is known: then nothing can be told, whatever the difference.
    because
        Where the limit comes from, or why there is none.
    """
    pairs = list(pairwise(range(len(visits))))
    if len(visits) > 2:
        pairs.append((0, len(visits) - 1))
    judgements = tuple(
        _judgement(f"{name}, {visits[a]} to {visits[b]}", values[a], values[b], limit, because, citation)
        for a, b in pairs
    )
    return Entry(
        name=name, unit=unit, values=values, judgements=judgements, pattern=_pattern(values, limit), notes=notes
    )


def _judgement(
    name: str, before: Measure, today: Measure, limit: float | None, because: str, citation: Citation | None
) -> Judgement:
    said = because
    judged, change, percent = Judged.CANNOT_TELL, None, None
    if isinstance(before, Quantity) and isinstance(today, Quantity):
        change = today.value - before.value
        percent = 100 * change / before.value if before.value else None
        if limit is not None:
            judged = Judged.CHANGED if abs(change) > limit + _SLACK else Judged.WITHIN
    else:
        missing = today if isinstance(today, NotAssessable) else before
        said = missing.reason if isinstance(missing, NotAssessable) else because
    return Judgement(
        measure=name,
        today=today,
        before=before,
        judged=judged,
        because=said,
        change=change,
        change_percent=percent,
        beyond=limit,
        citation=citation,
    )


def _pattern(values: tuple[Measure, ...], limit: float | None) -> Pattern:
    """Return the pattern of all values that there are; a slow drift counts once it has gone beyond the limit."""
    known = [each.value for each in values if isinstance(each, Quantity)]
    if limit is None or len(known) < 2:
        return Pattern.CANNOT_TELL
    signs, lowest, highest = set(), known[0], known[0]
    least = limit + _SLACK
    for value in known[1:]:
        # Measured from the turning point, so that noise around a level adds up to nothing.
        if value - lowest > least:
            signs.add(1)
            lowest = highest = value
        elif highest - value > least:
            signs.add(-1)
            lowest = highest = value
        lowest, highest = min(lowest, value), max(highest, value)
    if not signs:
        return Pattern.UNCHANGED
    if len(signs) == 2:
        return Pattern.FLUCTUATING
    return Pattern.INCREASED if 1 in signs else Pattern.DECREASED
