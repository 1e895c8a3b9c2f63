"""Holds sums of diameters, areas and volumes against the repeatability that is known for one lesion or for several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import sqrt

from mriloop.model.judgement import Judgement, Repeatability
from mriloop.model.quantity import Measure, NotAssessable, Quantity
from mriloop.stages.compare.judge import choose, judge
from mriloop.stages.compare.response.sums import Sums

UNMEASURED = NotAssessable(reason="the size of a target is not known")


def repeatability_of(
    unit: str, lesions: int, own: Repeatability | None, known: Sequence[Repeatability]
) -> Repeatability | None:
    """Return how much the sum of the sizes of so many lesions moves when nothing has changed; None: nobody knows.

    Parameters
    ----------
    unit
        Of the sum: mm (diameters), mm2 (products of two diameters) or mL.
    own
        What a history states of one lesion, in place of all others. Errors of separate lesions are independent, so an
        absolute limit of n lesions is that of one times the root of n; a percentage holds for the sum at most.
    known
        Coefficients in force (`edges.knowledge.repeatability`). No region is asked for: targets lie in many. Products
        have none of their own: either diameter errs for itself, so that of diameters times the root of 2.
    """
    if own is not None:
        absolute = None if own.absolute is None else own.absolute * sqrt(max(lesions, 1))
        return replace(own, unit=unit, absolute=absolute, when=own.when or "as the history states of one lesion")
    if unit == "mL":
        return choose(known, "tumour volume")
    found = choose(known, "sum of diameters" if lesions > 1 else "diameter")
    if found is None or unit == "mm":
        return found
    percent = None if found.percent is None else sqrt(2.0) * found.percent
    when = f"{found.when}, either diameter of a product for itself"
    # A length beside the percentage says nothing of an area, and without a percentage nothing is left.
    return None if percent is None else replace(found, unit=unit, percent=percent, absolute=None, when=when)


def name_of(sums: Sums, since: str) -> str:
    """Return how the change of a sum since a visit is called."""
    return f"sum of {sums.tissue} targets since {since}" if sums.tissue else f"sum of targets since {since}"


def judge_change(
    sums: Sums,
    *,
    since: str,
    before: float | None,
    unit: str,
    own: Repeatability | None,
    known: Sequence[Repeatability],
) -> Judgement:
    """Return whether a sum moved by more than measuring it twice would move it, against baseline or nadir."""
    present = sum(size > 0 for size in sums.now.sizes.values())
    coefficient = repeatability_of(unit, max(present, 1), own, known)
    found = judge(name_of(sums, since), _measure(sums.now.total, unit), _measure(before, unit), coefficient)
    return replace(found, citation=None if coefficient is None else coefficient.citation)


def _measure(value: float | None, unit: str) -> Measure:
    return UNMEASURED if value is None else Quantity(value=value, unit=unit)
