"""Ties every series of every visit to one reference series of today."""

from __future__ import annotations

from collections.abc import Sequence

from mriloop.model.coding import Region
from mriloop.model.comparison import NotComparable, SeriesPair
from mriloop.model.errors import refuse
from mriloop.model.fact import Truth
from mriloop.model.study import Study
from mriloop.stages.compare.align import Loaded, across, backwards, itself, through, within
from mriloop.stages.compare.desk import Desk
from mriloop.stages.compare.match import Proposal, fit_series
from mriloop.stages.compare.people import Likely, doubt, one_person
from mriloop.stages.compare.regional import regional

Matched = tuple[Study, list[Proposal], list[NotComparable]]
_NEAR_ENOUGH_MM = 5.0  # places are sought 9 mm away and a rigid rest is taken off: heads can still be told apart
_WHOLE = frozenset({Region.BRAIN, Region.PITUITARY, Region.UNKNOWN})


def tie_today(today: Study, matched: Sequence[Matched], desk: Desk) -> Loaded | None:
    """Choose the reference of today's study, tie today's other series to it, and return it.

    None where no series has a volume that can be aligned. Raises SenderError `compare_one_series` where today's study
    holds no picture at all.
    """
    usable = _usable(today, desk)
    if not usable:
        raise refuse("compare_one_series", path=today.study_instance_uid)
    wanted = {p.today for _, proposals, _ in matched for p in proposals}
    reference: Loaded | None = None
    for uid in sorted(usable, key=lambda u: -desk.worth(u, wanted)):
        desk.progress(0.02, "reading today's series")
        one = desk.read(uid, seek_brain=reference is None)
        if one is None:
            continue
        if reference is None:
            reference = one
            desk.linked[uid] = itself()
        else:
            desk.linked[uid] = within(reference, one)
    return reference


def tie_prior(prior: Study, proposals: Sequence[Proposal], reference: Loaded | None, desk: Desk) -> None:
    """Tie the prior's best series to today's reference, and the prior's other series to that one.

    Where the pictures show another person's head, `Desk.strangers` names the study: raises SenderError
    `prior_other_head` unless a person vouched for it (`Desk.same_person`) or its identity did. Where the alignment was
    refused, nothing is compared, and the doubt is a caution only.
    """
    if reference is None:
        desk.alone.update(dict.fromkeys(_usable(prior, desk), "today's study gave no picture to lay it on"))
        return
    partners = {p.prior: p for p in proposals if p.today == reference.uid}
    hub: Loaded | None = None
    for uid in sorted(_usable(prior, desk), key=lambda u: -desk.worth(u, partners)):
        one = desk.read(uid, seek_brain=hub is None)
        if one is None:
            continue
        if hub is None:
            hub = one
            partner = partners.get(uid)
            elsewhere = partner is None or partner.other_scanner is not Truth.FALSE
            desk.linked[uid] = across(reference, one, other_scanner=elsewhere)
            _one_head(prior, reference, one, desk)
            _parts(reference, one, desk)
        else:
            desk.linked[uid] = through(within(hub, one), desk.linked[hub.uid])


def pair_up(proposal: Proposal, desk: Desk) -> SeriesPair:
    """Return the pair that a proposal names, with the alignment through the common reference."""
    alignment = through(desk.linked[proposal.prior], backwards(desk.linked[proposal.today]))
    desk.other_scanner[proposal.today, proposal.prior] = proposal.other_scanner
    return SeriesPair(
        today=proposal.today,
        prior=proposal.prior,
        comparability=proposal.comparability,
        alignment=alignment,
        parts=desk.parts.get((proposal.today, proposal.prior), ()),
        role=proposal.role,
        reason=proposal.reason,
    )


def _usable(study: Study, desk: Desk) -> list[str]:
    return [s.series_instance_uid for s in fit_series(study, desk.kinds)]


def _one_head(prior: Study, today: Loaded, hub: Loaded, desk: Desk) -> None:
    alignment = desk.linked[hub.uid]
    if not alignment.accepted and alignment.uncertainty_mm > _NEAR_ENOUGH_MM:
        return
    found = one_person(today, hub, alignment)
    said = doubt(found)
    if not said or desk.same_person:
        return
    if not alignment.accepted:
        desk.cautions.append(said)
        return
    if found.verdict is Likely.OTHER and prior.study_instance_uid in desk.unnamed:
        raise refuse("prior_other_head", path=prior.study_instance_uid)
    desk.cautions.append(said)
    if found.verdict is Likely.OTHER:
        desk.strangers.add(prior.study_instance_uid)


def _parts(today: Loaded, hub: Loaded, desk: Desk) -> None:
    """Align what is not a brain part by part; the whole may be corrected by its parts."""
    region = today.kind.region
    if region in _WHOLE or hub.kind.region in _WHOLE:
        return
    found = regional(today, hub, desk.linked[hub.uid], region)
    desk.linked[hub.uid] = found.whole  # refused where the parts contradict it: nothing may be measured through it
    desk.parts[today.uid, hub.uid] = tuple(found.parts)
    desk.cautions.extend(found.words)
