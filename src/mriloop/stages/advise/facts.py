"""All facts of a case: the stated ones, and those that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import FactSpec
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive import DERIVATIONS
from mriloop.stages.advise.derive.common import is_unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """All facts of a case, derived ones included, and the contradictions met on the way.

    `facts` maps names of the vocabulary to facts; `basis` maps a derived fact to the facts that it was derived from.
    `contradictions` names the facts that were stated one way and follow
    another way from other facts: the stated word stands, and a person is told.
    """

    facts: Mapping[str, Fact]
    basis: Mapping[str, tuple[str, ...]]
    contradictions: tuple[str, ...]


def complete(stated: Mapping[str, Fact], vocabulary: Mapping[str, FactSpec], as_of: date) -> Stated:
    """Add every derived fact that the stated ones determine.

    A stated fact always stands; where it contradicts what follows from others its name is listed. A fact whose inputs
    are unknown stays unknown. Raises KeyError for a vocabulary that names a derivation which does not exist.
    """
    computed: dict[str, FactValue] = {}
    basis: dict[str, list[str]] = {}

    def ask(name: str) -> FactValue:
        fact = stated.get(name)
        if fact is not None and not is_unknown(fact.value):
            return fact.value
        return derive(name)

    def derive(name: str) -> FactValue:
        if name not in computed:
            computed[name] = UNKNOWN
            function = vocabulary[name].derived if name in vocabulary else ""
            if function:
                used = basis.setdefault(name, [])

                def ask_and_note(other: str) -> FactValue:
                    value = ask(other)
                    if not is_unknown(value) and other not in used:
                        used.append(other)
                    return value

                computed[name] = DERIVATIONS[function](ask_and_note, as_of)
        return computed[name]

    facts = dict(stated)
    contradictions = []
    for name, spec in vocabulary.items():
        if not spec.derived:
            continue
        value = derive(name)
        if is_unknown(value):
            continue
        fact = stated.get(name)
        if fact is None or is_unknown(fact.value):
            facts[name] = Fact(name=name, value=value, source=Source.DERIVED)
        elif _differ(fact.value, value):
            contradictions.append(name)
    shown = {name: tuple(used) for name, used in basis.items()}
    return Stated(facts=facts, basis=shown, contradictions=tuple(contradictions))


def _differ(stated: FactValue, derived: FactValue) -> bool:
    if isinstance(stated, Quantity) and isinstance(derived, Quantity):
        return abs(stated.to(derived.unit).value - derived.value) >= 1.0
    # A word may be more exact than what follows from others (lumbar spine against spine): only numbers contradict.
    return False
