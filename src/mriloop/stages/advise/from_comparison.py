"""What COMPARE found, as facts for the guidelines. Machine words: proposals until a reader takes them over."""

from __future__ import annotations

from collections import Counter

from mriloop.model.comparison import ChangeKind, Comparison
from mriloop.model.fact import FactValue, truth
from mriloop.model.finding import Fact, Source
from mriloop.model.quantity import Quantity


def facts_from_comparison(comparison: Comparison) -> dict[str, Fact]:
    """Return counts of lesions and the change against the prior.

    `cannot_tell`, and no counts at all, where no list of changes was made (`Comparison.changes_today` is None) or no
    pair of series was aligned with an accepted result: silence is not stability. `stable` needs a list that was made
    and holds nothing new, larger or smaller.
    """
    facts: dict[str, FactValue] = {"prior_available": truth(bool(comparison.prior_studies))}
    if not comparison.prior_studies:
        facts["change_vs_prior"] = "no_prior"
    elif comparison.changes_today is None or not any(pair.alignment.accepted for pair in comparison.pairs):
        facts["change_vs_prior"] = "cannot_tell"
    else:
        counts = Counter(change.kind for change in comparison.upheld)
        facts["new_lesion_count"] = _count(counts[ChangeKind.NEW])
        facts["enlarging_lesion_count"] = _count(counts[ChangeKind.ENLARGING])
        facts["resolved_lesion_count"] = _count(counts[ChangeKind.RESOLVED])
        if counts[ChangeKind.NEW] or counts[ChangeKind.ENLARGING]:
            facts["change_vs_prior"] = "growth"
        elif counts[ChangeKind.SHRINKING] or counts[ChangeKind.RESOLVED]:
            facts["change_vs_prior"] = "shrinkage"
        else:
            facts["change_vs_prior"] = "stable"
    return {name: Fact(name=name, value=value, source=Source.COMPARE) for name, value in facts.items()}


def _count(number: int) -> Quantity:
    return Quantity(value=float(number), unit="{count}")
