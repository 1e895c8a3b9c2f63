"""Holds what a comparison measured against the repeatability of each measure, and says so of every change."""

from __future__ import annotations

from dataclasses import replace

from mriloop.model.coding import Region
from mriloop.model.comparison import Change, ChangeKind
from mriloop.model.fact import Truth
from mriloop.model.judgement import Judgement, Repeatability
from mriloop.stages.compare.desk import Desk
from mriloop.stages.compare.judge import choose, judge
from mriloop.stages.compare.listing import Listed
from mriloop.stages.compare.quantities import judge_lesion


def judge_list(listed: Listed, desk: Desk) -> tuple[Judgement, ...]:
    """Return a judgement of the lesion load and one of the volume of every change that is there at both visits.

    A new or a resolved lesion is no change of a volume: whether it could have been missed is what the detection limit
    says. Empty where no list was made or no repeatability is at hand.
    """
    if listed.change is None or listed.pair is None or not desk.repeatability:
        return ()
    same = _same_scanner(listed, desk)
    found = [
        judge(
            "lesion load",
            listed.change.load_today_ml,
            listed.change.load_prior_ml,
            choose(desk.repeatability, "lesion load", region=Region.BRAIN, same_scanner=same),
        )
    ]
    coefficient = choose(desk.repeatability, "lesion volume", region=Region.BRAIN, same_scanner=same)
    for change in listed.change.changes:
        if change.kind in (ChangeKind.ENLARGING, ChangeKind.SHRINKING):
            found.append(judge_change(change, coefficient))
    return tuple(found)


def judge_change(change: Change, coefficient: Repeatability | None) -> Judgement:
    """Return the judgement of the volume of one change that is there at both visits."""
    judgement = judge_lesion(
        change.volume_ml,
        change.volume_ml - change.volume_change_ml,
        coefficient,
        noise_ml=change.volume_noise_ml,
    )
    return replace(judgement, measure=f"lesion volume, no. {change.id}", change_id=change.id)


def _same_scanner(listed: Listed, desk: Desk) -> Truth:
    assert listed.pair is not None
    other = desk.other_scanner.get((listed.pair.today, listed.pair.prior), Truth.UNKNOWN)
    return {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE}.get(other, Truth.UNKNOWN)
