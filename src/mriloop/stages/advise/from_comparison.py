"""What COMPARE found, as facts for the guidelines. Machine words: proposals until a reader takes them over."""

from __future__ import annotations

from collections import Counter

from mriloop.model.coding import Region
from mriloop.model.comparison import ChangeKind, Comparison, could_show
from mriloop.model.fact import FactValue, truth
from mriloop.model.finding import Fact, Source
from mriloop.model.judgement import Judged
from mriloop.model.quantity import Quantity

MOST_UNCERTAIN_MM = 1.0
_ABOUT = frozenset({Region.BRAIN, Region.UNKNOWN})


def facts_from_comparison(comparison: Comparison, *, region: Region = Region.UNKNOWN) -> dict[str, Fact]:
    """Return counts of lesions and the change against the prior.

    `region` is what the case asks about: the list is of bright lesions of the brain, and says nothing of an adenoma
    or a spine, where only `prior_available` is told.

    `cannot_tell`, and no counts at all, where no list of changes was made, where the alignment of the listed pair was
    not accepted or is uncertain by more than a millimetre, and where an empty list comes from a pair that could not
    have shown a large lesion, or for which that was not measured: silence is not stability. A lesion whose change of
    volume lies within its noise is no growth.
    """
    facts: dict[str, FactValue] = {"prior_available": truth(bool(comparison.prior_studies))}
    if not comparison.prior_studies:
        facts["change_vs_prior"] = "no_prior"
    elif region in _ABOUT:
        facts |= _change(comparison)
    return {name: Fact(name=name, value=value, source=Source.COMPARE) for name, value in facts.items()}


def _change(comparison: Comparison) -> dict[str, FactValue]:
    if not _listed_well(comparison):
        return {"change_vs_prior": "cannot_tell"}
    within = {one.change_id for one in comparison.judgements if one.judged is Judged.WITHIN}
    counts = Counter(change.kind for change in comparison.upheld if change.id not in within)
    found = counts[ChangeKind.NEW] + counts[ChangeKind.ENLARGING]
    gone = counts[ChangeKind.SHRINKING] + counts[ChangeKind.RESOLVED]
    if not found and not could_show(comparison.detection_limit):
        return {"change_vs_prior": "cannot_tell"}
    return {
        "new_lesion_count": _count(counts[ChangeKind.NEW]),
        "enlarging_lesion_count": _count(counts[ChangeKind.ENLARGING]),
        "resolved_lesion_count": _count(counts[ChangeKind.RESOLVED]),
        "change_vs_prior": "growth" if found else "shrinkage" if gone else "stable",
    }


def _listed_well(comparison: Comparison) -> bool:
    pair = next(
        (p for p in comparison.pairs if (p.today, p.prior) == (comparison.changes_today, comparison.changes_prior)),
        None,
    )
    return pair is not None and pair.alignment.accepted and pair.alignment.uncertainty_mm <= MOST_UNCERTAIN_MM


def _count(number: int) -> Quantity:
    return Quantity(value=float(number), unit="{count}")
