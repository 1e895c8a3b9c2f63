"""A person's and a machine's words about one case: the person's stand, save that of quality the worse counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mriloop.model.advice import Caution
from mriloop.model.finding import Fact
from mriloop.model.guideline import FactSpec
from mriloop.stages.advise.conditions import name_of, say_value
from mriloop.stages.advise.derive.common import is_unknown

# A machine's word that admits to not knowing → the one word of a person that it contradicts all the same.
_ADMITS_IGNORANCE = {"cannot_tell": "no_prior", "reason_not_stated": "none"}
_WORSE = {"diagnostic": 0, "limited": 1, "not_diagnostic": 2}


# COMPARE lists bright spots of the brain. Facts that tell of one other lesion, of which such a list says nothing.
_ONE_LESION = ("lesion_type", "lesion_size", "chiasm")
_ONE_LESION_CONDITIONS = frozenset(
    {
        "pituitary_lesion",
        "pituitary_incidentaloma",
        "pituitary_adenoma_presumed",
        "incidental_pituitary_adenoma",
        "pituitary_cystic_lesion",
        "glioma",
        "glioblastoma",
        "meningioma",
        "incidental_meningioma",
        "pineal_cyst",
    }
    | {"vestibular_schwannoma", "intracranial_aneurysm", "brain_metastases", "arachnoid_cyst", "colloid_cyst"}
    | {"cavernous_malformation", "developmental_venous_anomaly", "spine_infection"}
)
_LISTED = ("stable", "growth", "shrinkage")


def put_together(
    machine: Mapping[str, Fact], stated: Mapping[str, Fact], vocabulary: Mapping[str, FactSpec]
) -> tuple[dict[str, Fact], tuple[Caution, ...]]:
    """Return the facts of a case, and a warning for each on which person and machine differ.

    What a person does not know, a machine may. Where both speak the person's word stands, because a machine's is a
    proposal; but of two verdicts on the quality of images the worse one counts, so that a case file written before the
    scan cannot vouch for a study that CHECK finds spoilt. A machine that cannot tell contradicts nobody who can, save
    the one who denies what it saw: that there is a prior, or that the examination was stopped. Of a lesion that the
    case itself names (a pituitary one) COMPARE cannot tell: its list is of bright spots of the brain.
    """
    machine = _without_word_on(machine, stated)
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


def _without_word_on(machine: Mapping[str, Fact], stated: Mapping[str, Fact]) -> Mapping[str, Fact]:
    """Turn COMPARE's word on change into `cannot_tell` where the case asks about one lesion that it does not list."""
    word = machine.get("change_vs_prior")
    if word is None or word.value not in _LISTED:
        return machine
    both = {**machine, **{name: fact for name, fact in stated.items() if not is_unknown(fact.value)}}
    conditions = both["condition"].value if "condition" in both else ()
    asked = isinstance(conditions, tuple) and bool(_ONE_LESION_CONDITIONS & set(conditions))
    asked = asked or any(name in both for name in _ONE_LESION)
    asked = asked or ("region" in both and both["region"].value == "pituitary")
    if not asked:
        return machine
    # Bright spots are no metastases: their number must not be read as that of new metastases.
    if isinstance(conditions, tuple) and "brain_metastases" in conditions:
        machine = {name: fact for name, fact in machine.items() if not name.endswith("_lesion_count")}
    return {**machine, "change_vs_prior": replace(word, value="cannot_tell")}
