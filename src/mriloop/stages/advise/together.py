"""A person's and a machine's words about one case: the person's stand, save that of quality the worse counts."""

from __future__ import annotations

from collections.abc import Mapping

from mriloop.model.finding import Fact
from mriloop.model.guideline import Caution, FactSpec
from mriloop.stages.advise.conditions import name_of, say_value
from mriloop.stages.advise.facts import is_unknown

# A machine's word that admits to not knowing → the one word of a person that it contradicts all the same.
_ADMITS_IGNORANCE = {"cannot_tell": "no_prior", "reason_not_stated": "none"}
_WORSE = {"diagnostic": 0, "limited": 1, "not_diagnostic": 2}


def put_together(
    machine: Mapping[str, Fact], stated: Mapping[str, Fact], vocabulary: Mapping[str, FactSpec]
) -> tuple[dict[str, Fact], tuple[Caution, ...]]:
    """Return the facts of a case, and a warning for each on which person and machine differ.

    What a person does not know, a machine may. Where both speak the person's word stands, because a machine's is a
    proposal; but of two verdicts on the quality of images the worse one counts, so that a case file written before the
    scan cannot vouch for a study that CHECK finds spoilt. A machine that cannot tell contradicts nobody who can, save
    the one who denies what it saw: that there is a prior, or that the examination was stopped.
    """
    facts = dict(machine)
    cautions = []
    for name, fact in stated.items():
        other = machine.get(name)
        if other is None or is_unknown(other.value):
            facts[name] = fact
            continue
        if is_unknown(fact.value) or fact.value == other.value:
            continue
        words = (fact.value, other.value)
        quality = all(isinstance(word, str) and word in _WORSE for word in words)
        worse = quality and _WORSE[str(other.value)] > _WORSE[str(fact.value)]
        facts[name] = other if worse else fact
        if isinstance(other.value, str) and _ADMITS_IGNORANCE.get(other.value, fact.value) != fact.value:
            continue
        text = (
            f"{name_of(name, vocabulary)}: the case says {say_value(fact.value)}, {other.source} says "
            f"{say_value(other.value)}. {'The worse one' if worse else 'The word of the case'} was used; check both."
        )
        cautions.append(Caution(code="facts_disagree", text=text))
    return facts, tuple(cautions)
