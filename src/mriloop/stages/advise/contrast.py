"""Contrast that no rule may propose by itself: after a moderate or severe reaction, and in pregnancy, a person decides.

It is asked once for all guidelines, after their rows have answered, so that no row can forget it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mriloop.model.advice import Caution, Recommendation
from mriloop.model.coding import Contrast
from mriloop.model.fact import Truth
from mriloop.stages.advise.facts import CaseFacts

NEEDS_A_PERSON = "contrast_needs_a_person"
PREGNANT_WITHOUT = "mri_in_pregnancy"
# A site's policy, or words that leave it open, may come to contrast as well.
_MAY_GIVE = (Contrast.WITH, Contrast.WITHOUT_AND_WITH, Contrast.SITE_POLICY, Contrast.UNKNOWN)
_STRONG = ("moderate", "severe", "severity_not_stated")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """Why a person decides on contrast: in a few words, in full, and between which options."""

    short: str
    text: str
    options: tuple[str, ...]


def with_a_person(
    proposals: Sequence[Recommendation], facts: CaseFacts
) -> tuple[list[Recommendation], tuple[Caution, ...]]:
    """Leave contrast to a person where the case states a reason, and say so.

    Parameters
    ----------
    proposals
        What the rows of all guidelines propose.
    facts
        The case; only what is stated or follows counts, unknown is neither a reason nor its absence.

    Returns
    -------
    tuple
        The proposals, contrast `needs_decision` and the options among the actions of each MRI that may come with
        contrast; and one loud caution for each reason (`contrast_needs_a_person`), or in pregnancy a plain note
        (`mri_in_pregnancy`) for an MRI without.
    """
    scans = [each for each in proposals if each.modality in (None, "MR")]
    open_to = [each for each in scans if each.contrast in _MAY_GIVE]
    pregnant = bool(scans) and facts.value("pregnant") is Truth.TRUE
    grounds = _grounds(facts, pregnant) if open_to else ()
    cautions = [
        Caution(code=NEEDS_A_PERSON, text=f"{ground.text} This concerns: {_named(open_to)}.") for ground in grounds
    ]
    plain = [each for each in scans if each.modality and each.contrast not in _MAY_GIVE]
    if pregnant and plain:
        text = (
            "The patient is pregnant: an MRI without contrast may be made at any stage at up to 3 T where it cannot "
            f"wait (from memory, unverified); a person decides whether it can. This concerns: {_named(plain)}."
        )
        cautions.append(Caution(code=PREGNANT_WITHOUT, text=text))
    if not grounds:
        return list(proposals), tuple(cautions)
    return [_left_open(each, grounds) if each in open_to else each for each in proposals], tuple(cautions)


def _grounds(facts: CaseFacts, pregnant: bool) -> tuple[_Ground, ...]:
    found = []
    reaction = facts.value("prior_gbca_reaction")
    if reaction in _STRONG:
        found.append(
            _Ground(
                short=f"earlier {reaction} reaction",
                text=f"An earlier {reaction} reaction to a gadolinium agent is stated: no contrast is proposed by "
                "itself. The radiologist decides, with an allergist (ACR Manual 2025, secondary text; in Europe the "
                "MRI waits for the allergist).",
                options=("contrast: name agent and severity of the reaction; options are none, another modality, or "
                         "another agent after the allergist's word",),
            )
        )  # fmt: skip
    if pregnant:
        found.append(
            _Ground(
                short="pregnant",
                text="The patient is pregnant: gadolinium only where it is essential and nothing else answers, with "
                "her consent (ACR and ACOG, from memory, unverified). The radiologist decides with her.",
                options=("contrast: options are MRI without contrast, another modality without radiation, or waiting "
                         "until after the delivery",),
            )
        )  # fmt: skip
    return tuple(found)


def _left_open(each: Recommendation, grounds: Sequence[_Ground]) -> Recommendation:
    why = " and ".join(ground.short for ground in grounds)
    return replace(
        each,
        contrast=Contrast.NEEDS_DECISION,
        text=f"Contrast is for a person to decide ({why}). {each.text}",
        actions=(*each.actions, *(option for ground in grounds for option in ground.options)),
    )


def _named(proposals: Sequence[Recommendation]) -> str:
    return ", ".join(each.id for each in proposals)
