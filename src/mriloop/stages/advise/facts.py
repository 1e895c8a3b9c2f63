"""All facts of a case: the stated ones, and those that follow from them, worked out when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache

from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import FactSpec
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.conditions import say_fact
from mriloop.stages.advise.derive import DERIVATIONS
from mriloop.stages.advise.derive.common import Derivation, is_unknown

# Words that follow by definition, so that another stated word cannot be right beside the same facts. Other words that
# follow are only what is taken until somebody says more (a lumbar spine is a spine; an order is by vein). Each with its
# words from the most careful on: of two that disagree the more careful one counts, so that nobody's word clears an
# order, or ends a search, against what the other facts say.
_CAREFUL: Mapping[str, tuple[FactValue, ...]] = {
    "agent_group": ("group_i", "group_iii", "group_ii"),
    "lymphocytes": ("low", "normal"),
    **dict.fromkeys(
        (
            "contrast_planned",
            "kidney_acute",
            "kidney_risk",
            "markers_raised",
            "ms_activity",
            "necrotic_decubitus",
            "pregnant",
            "quality_unsettled",
            "reaction_same_agent",
            "septic_joint",
        ),
        (Truth.TRUE, Truth.FALSE),
    ),
    **dict.fromkeys(
        (
            "fluid_sensitive_readable",
            "implant_conditions_met",
            "order_laterality_matches",
            "order_region_matches",
            "prior_available",
            "study_readable",
            "t1_readable",
        ),
        (Truth.FALSE, Truth.TRUE),
    ),
}
# A guideline has a rule of its own for words at odds here, so the stated one stands.
_HAS_ITS_RULE = frozenset({"jcv_status"})
# Of two numbers the more careful one: an old measurement is worth less, a recent examination asks for a second look.
_LARGER, _SMALLER = frozenset({"egfr_age"}), frozenset({"recent_same_exam_days"})
# A series that a bare word calls readable, in a study that is not diagnostic: only its own verdict can say so.
_VOUCHED = {"t1_readable": "t1_quality", "fluid_sensitive_readable": "fluid_sensitive_quality"}


class SameObject:
    """A vocabulary that may key a cache: two are the same when they are the same object."""

    __slots__ = ("specs",)

    def __init__(self, specs: Mapping[str, FactSpec]) -> None:
        self.specs = specs

    def __hash__(self) -> int:
        return id(self.specs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameObject) and self.specs is other.specs


@lru_cache(maxsize=32)
def _functions(vocabulary: SameObject) -> Mapping[str, Derivation]:
    return {name: DERIVATIONS[spec.derived] for name, spec in vocabulary.specs.items() if spec.derived}


class CaseFacts(Mapping[str, FactValue]):
    """The facts of one case on one day; what follows from others is found on demand.

    A stated fact stands, save where another word follows by definition and is the more careful one. As a mapping it
    answers for every name, with UNKNOWN where nothing is known, and runs over the known facts that were stated or asked
    for. `found` holds what has been asked for so far. Raises KeyError for a vocabulary that names a derivation which
    does not exist.
    """

    __slots__ = ("_basis", "_functions", "_said", "as_of", "found", "stated", "vocabulary")

    def __init__(self, stated: Mapping[str, Fact], vocabulary: Mapping[str, FactSpec], as_of: date) -> None:
        self.stated, self.vocabulary, self.as_of = stated, vocabulary, as_of
        self.found: dict[str, FactValue] = {}
        self._functions = _functions(SameObject(vocabulary))
        self._basis: dict[str, list[str]] = {}
        self._said: dict[str, str] = {}

    def __getitem__(self, name: str) -> FactValue:
        return self.value(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.asked())

    def __len__(self) -> int:
        return len(self.asked())

    def value(self, name: str) -> FactValue:
        """Return the value of a fact, stated or derived; UNKNOWN where its inputs are."""
        value = self.found.get(name)
        if value is None:
            fact = self.stated.get(name)
            value = UNKNOWN if fact is None else self._fitting(name, fact.value)
            # Held as unknown while it is worked out, so that two facts which follow from each other come to an end.
            self.found[name] = value
            if name in self._functions:
                if value is UNKNOWN or value is Truth.UNKNOWN:
                    value = self.found[name] = self._derive(name)
                elif name in _CAREFUL or name in _LARGER or name in _SMALLER:
                    value = self.found[name] = self._more_careful(name, value)
        return value

    def _more_careful(self, name: str, stated: FactValue) -> FactValue:
        """Return the stated word or the one that follows, whichever asks for more care; UNKNOWN for one in doubt."""
        if self._in_doubt(name, stated):
            return UNKNOWN
        derived = self._derive(name)
        if derived == _careful(name, stated, derived) and _differ(name, stated, derived):
            return derived
        self._basis.pop(name, None)
        return stated

    def _in_doubt(self, name: str, stated: FactValue) -> bool:
        verdict = _VOUCHED.get(name)
        return (
            verdict is not None
            and stated is Truth.TRUE
            and self.value("study_quality") == "not_diagnostic"
            and is_unknown(self.value(verdict))
        )

    def settle(self, name: str, value: FactValue, basis: tuple[str, ...]) -> None:
        """Put a fact on record that follows from more than facts, with the facts that it rests on."""
        self.found[name] = value
        self._basis[name] = list(basis)

    def is_known(self, name: str) -> bool:
        """Tell whether a value is stated or follows."""
        return not is_unknown(self.value(name))

    def basis_of(self, name: str) -> tuple[str, ...]:
        """Return the facts that a derived one rests on; none for a stated one."""
        self.value(name)
        return tuple(self._basis.get(name, ()))

    def fact(self, name: str) -> Fact | None:
        """Return a fact with its source; None for one that is neither stated nor derived."""
        value = self.value(name)
        stated = self.stated.get(name)
        if stated is not None and (stated.value is value or is_unknown(value)):
            return stated
        return None if is_unknown(value) else Fact(name=name, value=value, source=Source.DERIVED)

    def say(self, name: str) -> str:
        """Return a known fact in words, with its source; empty for an unknown one."""
        said = self._said.get(name)
        if said is None:
            fact = self.fact(name)
            known = fact is not None and not is_unknown(fact.value)
            basis = [each for each in map(self.fact, self._basis.get(name, ())) if each is not None]
            said = say_fact(fact, self.vocabulary, basis) if fact is not None and known else ""
            self._said[name] = said
        return said

    def asked(self) -> dict[str, FactValue]:
        """Return every stated fact, and every derived one that somebody has asked for and that is known."""
        values = {name: self.value(name) for name in self.stated}
        for name, value in self.found.items():
            if value is not UNKNOWN and value is not Truth.UNKNOWN:
                values[name] = value
        return values

    def contradictions(self) -> tuple[str, ...]:
        """Return the stated facts that follow another way from the others; a person is told of each."""
        return tuple(
            name
            for name, fact in self.stated.items()
            if name in self._functions
            and not is_unknown(fact.value)
            and (
                self._in_doubt(name, fact.value)
                or _differ(name, fact.value, self._functions[name](self.value, self.as_of))
            )
        )

    def used_of(self, name: str) -> str:
        """Say which word was used of a stated fact that follows another way from the others."""
        value = self.value(name)
        if is_unknown(value):
            return "neither word was used."
        return "the stated word was used." if value is self.stated[name].value else "the more careful word was used."

    def _fitting(self, name: str, value: FactValue) -> FactValue:
        """Return a stated value; UNKNOWN for a word that the fact has not: it must not count as "none of these"."""
        spec = self.vocabulary.get(name)
        if isinstance(value, str) and spec is not None and spec.values and value not in spec.values:
            return UNKNOWN
        return value

    def _derive(self, name: str) -> FactValue:
        used: list[str] = []

        def ask(other: str) -> FactValue:
            value = self.value(other)
            if value is not UNKNOWN and value is not Truth.UNKNOWN and other not in used:
                used.append(other)
            return value

        value = self._functions[name](ask, self.as_of)
        if used:
            self._basis[name] = used
        return value


def _differ(name: str, stated: FactValue, derived: FactValue) -> bool:
    if is_unknown(derived):
        return False
    if isinstance(stated, Quantity) and isinstance(derived, Quantity):
        return abs(stated.to(derived.unit).value - derived.value) >= 1.0
    return (name in _HAS_ITS_RULE or derived in _CAREFUL.get(name, ())) and stated != derived


def _careful(name: str, stated: FactValue, derived: FactValue) -> FactValue:
    """Return the more careful one of two words, or numbers, of a fact."""
    if is_unknown(derived):
        return stated
    if isinstance(stated, Quantity) and isinstance(derived, Quantity):
        return (max if name in _LARGER else min)(stated.to(derived.unit), derived, key=lambda each: each.value)
    order = _CAREFUL[name]
    if derived not in order:
        return stated
    return min((stated, derived), key=lambda each: order.index(each) if each in order else 0)
