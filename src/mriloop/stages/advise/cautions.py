"""What to warn of once all guidelines have answered: emergencies not excluded, one lesion read for two conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mriloop.model.advice import Caution
from mriloop.model.guideline import FactSpec
from mriloop.stages.advise.answers import Answer
from mriloop.stages.advise.compiled import ready
from mriloop.stages.advise.conditions import name_of
from mriloop.stages.advise.facts import CaseFacts

# Facts that tell of one lesion. Two conditions of one case cannot both mean them.
_OF_ONE_LESION = ("lesion_size", "prior_lesion_size", "change_vs_prior", "lesion_growth", "lesion_type", "discovered")


def emergencies_open(answers: Sequence[Answer], vocabulary: Mapping[str, FactSpec]) -> list[Caution]:
    """Return the warnings that nobody has excluded an emergency: each question once, for all guidelines that ask it."""
    asking: dict[str, list[str]] = {}
    for answer in answers:
        for name in answer.emergencies:
            asking.setdefault(name, []).append(answer.guideline.title)
    together: dict[tuple[str, ...], list[str]] = {}
    for name, titles in asking.items():
        together.setdefault(tuple(titles), []).append(name)
    cautions = []
    for who, names in together.items():
        called = ", ".join(name_of(name, vocabulary) for name in names)
        questions = " ".join(vocabulary[name].question for name in names)
        text = f"{'; '.join(who)}: nobody has excluded {called}. Ask: {questions}"
        cautions.append(Caution(code="emergency_not_excluded", text=text, missing=tuple(names)))
    return cautions


def shared_lesion(answers: Sequence[Answer], facts: CaseFacts) -> list[Caution]:
    """Return a warning where guidelines of several stated conditions read one fact about one lesion."""
    stated = facts.value("condition")
    if not isinstance(stated, tuple) or len(stated) < 2:
        return []
    readers: dict[str, dict[str, frozenset[str]]] = {}
    for answer in answers:
        known = ready(answer.guideline, facts.vocabulary)
        own = known.conditions & set(stated)
        if own and answer.out_of_scope is None:
            asked = {*known.asks, *(basis for name in known.asks for basis in facts.basis_of(name))}
            for name in _OF_ONE_LESION:
                if name in asked and facts.is_known(name):
                    readers.setdefault(name, {})[answer.guideline.title] = own
    shared: dict[tuple[str, ...], list[str]] = {}
    for name, by_title in readers.items():
        if not frozenset.intersection(*by_title.values()):
            shared.setdefault(tuple(by_title), []).append(name_of(name, facts.vocabulary))
    return [
        Caution(
            code="one_lesion_read_twice",
            text=f"{' and '.join(titles)} each read the same {', '.join(names)}. A case states one lesion: "
            "write a case of its own for each, or the answer for one of them rests on the other's.",
        )
        for titles, names in shared.items()
    ]
