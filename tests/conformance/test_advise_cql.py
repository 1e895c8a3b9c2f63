"""ADVISE against HL7's own CQL translator and engine (npm, Apache-2.0): the same rows, the same missing facts.

The judge (judges/cql.mjs) knows nothing of our code: it runs the exported library and lists every completion of what is
unknown. Ours folds decision diagrams over bit masks. `make judges` installs it.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.app.exchange import ExportForm, export_guidelines
from mriloop.edges.cql import cql_of
from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import FactSpec, FactType, Guideline, Match, Op
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.compiled import ReadyGuideline
from mriloop.stages.advise.decide import NO_ROW
from mriloop.stages.advise.engine import conditions_of
from mriloop.stages.advise.facts import CaseFacts

HERE = Path(__file__).parent / "judges"
KNOWN = use_case.guidelines_in_force()
# A plain run stays within seconds; MRILOOP_CQL_CASES=10000 is the bar.
CASES_IN_ALL = int(os.environ.get("MRILOOP_CQL_CASES", "1000"))
JUDGED = tuple(each.id for each in KNOWN.guidelines)
MOST_COMPLETIONS = 300
Json = object


def test_the_exported_library_holds_every_row_and_names_the_unit():
    text = cql_of(next(each for each in KNOWN.guidelines if each.id == "pituitary_cyp"), KNOWN.vocabulary)
    assert 'parameter "lesion_size" Decimal // in mm' in text
    guideline = KNOWN.get("pituitary_cyp")
    assert guideline is not None
    for table in guideline.tables:
        for row in table.rows:
            assert f'define "{table.id}/{row.id}": ' in text


def test_the_command_writes_the_library(tmp_path):
    (written,) = export_guidelines(
        ExportForm.CQL, tmp_path, site=None, only="pituitary_cyp", now=datetime(2026, 3, 1, tzinfo=UTC)
    )
    guideline = KNOWN.get("pituitary_cyp")
    assert guideline is not None
    assert written.name == "pituitary_cyp.cql"
    assert written.read_text("utf-8") == cql_of(guideline, KNOWN.vocabulary)


@pytest.mark.parametrize("name", JUDGED)
def test_both_judges_say_the_same_of_random_facts(name, node):
    guideline = KNOWN.get(name)
    assert guideline is not None
    count = max(20, CASES_IN_ALL // len(JUDGED))
    judged = both_judges(guideline, cql_of(guideline, KNOWN.vocabulary), node, count)
    for state, mine, theirs in judged:
        assert mine == theirs, state
    answered = {str(value) for _, mine, _ in judged for value, _ in mine.values()}
    assert len(answered) > 2, "random facts must reach a row, and some must leave it open"


def test_the_judge_notices_a_limit_that_is_off(node):
    guideline = KNOWN.get("pituitary_cyp")
    assert guideline is not None
    library = cql_of(guideline, KNOWN.vocabulary)
    off = library.replace('"lesion_size" >= 10.', '"lesion_size" > 10.')
    assert off != library
    wrong = [mine != theirs for _, mine, theirs in both_judges(guideline, off, node, 60)]
    assert any(wrong)


Said = dict[str, tuple[Json, set[str]]]


def both_judges(guideline: Guideline, library: str, node: str, count: int) -> list[tuple[object, Said, Said]]:
    """Return random facts with what our engine and the judge say of each expression: a value, or what is missing."""
    rng = random.Random(f"{guideline.id} 20261120")
    spaces = spaces_of(guideline, KNOWN.vocabulary)
    states = [random_state(guideline, spaces, rng) for _ in range(count)]
    library, asked_if_known = with_known_apart(library)
    task = {
        "library": library,
        "dates": [name for name in spaces if KNOWN.vocabulary[name].type is FactType.DATE],
        "expressions": [
            {"name": name, "kind": kind, "asked": asked} for name, kind, asked in expressions_of(guideline)
        ],
        "spaces": {name: [plain(value) for value in values] for name, values in spaces.items()},
        "cases": [
            {name: plain(value) for name, value in state.items()}
            | {f"known {name}": state[name] is not UNKNOWN for name in asked_if_known}
            for state in states
        ],
    }
    command = [node, "cql.mjs"]
    ran = subprocess.run(command, cwd=HERE, input=json.dumps(task), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[:2000]
    vocabulary = {each: replace(spec, derived="") for each, spec in KNOWN.vocabulary.items()}
    ours = ReadyGuideline(guideline, vocabulary)
    return [
        (
            state,
            our_answers(ours, state, vocabulary),
            {each: (answer["value"], set(answer["missing"])) for each, answer in said.items()},
        )
        for state, said in zip(states, json.loads(ran.stdout), strict=True)
    ]


def with_known_apart(library: str) -> tuple[str, set[str]]:
    """Return the library with "is known" as facts of their own: completing a fact does not make it known."""
    names: set[str] = set()

    def apart(found: re.Match[str]) -> str:
        names.add(found[1])
        return f'"known {found[1]}" = {"true" if found[2] else "false"}'

    changed = re.sub(r'(?<!if )"([^"]+)" is (not )?null', apart, library)
    declared = "".join(f'parameter "known {name}" Boolean\n' for name in sorted(names))
    head, rest = changed.split("\nparameter", 1)
    return f"{head}\n{declared}parameter{rest}", names


def our_answers(
    ours: ReadyGuideline, state: Mapping[str, FactValue], vocabulary: Mapping[str, FactSpec]
) -> dict[str, tuple[Json, set[str]]]:
    """Return what our engine says of each expression of the library, in the judge's terms."""
    facts = CaseFacts(
        {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in state.items()},
        vocabulary,
        date(2026, 3, 1),
    )
    possible, unsure = ours.raising.truths(facts)
    raised = True if possible & ~unsure else None if possible else False
    answers: dict[str, tuple[Json, set[str]]] = {"raised": (raised, set())}
    possible, unsure = ours.matrix.truths(facts)

    def truth_of(bit: int) -> Json:
        return False if not possible >> bit & 1 else None if unsure >> bit & 1 else True

    for number, (bit, _, _) in enumerate(ours.scopes, 1):
        answers[f"scope {number}"] = (truth_of(bit), set())
    fired = next((guard.row.id for guard in ours.guards if truth_of(guard.bit) is True), None)
    answers["guards"] = (fired, set())
    for table in ours.tables:
        answers[f"limit of {table.table.id}"] = (truth_of(table.when_bit), set())
        decisions = table.decide(facts, possible, unsure)
        if table.table.match is Match.FIRST:
            row = decisions[0].row
            said = None if row is None or row == NO_ROW else table.rows[row].row.id
            answers[f"answer of {table.table.id}"] = (said, set(decisions[0].missing))
            continue
        open_rows = iter(decisions)
        for row in table.rows:
            state_of_row = truth_of(row.bit)
            missing = set() if state_of_row is False else set(next(open_rows).missing)
            answers[row.place] = (state_of_row, missing)
    return answers


def expressions_of(guideline: Guideline) -> list[tuple[str, str, list[str]]]:
    """Return name, kind and facts of each expression: `plain` in CQL's own logic, `complete` over completions."""
    found = [("raised", "plain", facts_of(each for group in guideline.raised_by for each in group))]
    found += [
        (f"scope {number}", "plain", facts_of(scope.when)) for number, scope in enumerate(guideline.applies_when, 1)
    ]
    found.append(("guards", "plain", facts_of(each for row in guideline.guards for each in row.when)))
    for table in guideline.tables:
        found.append((f"limit of {table.id}", "plain", facts_of(table.when)))
        if table.match is Match.FIRST:
            found.append(
                (f"answer of {table.id}", "complete", facts_of(each for row in table.rows for each in row.when))
            )
        else:
            found += [(f"{table.id}/{row.id}", "complete", facts_of(row.when)) for row in table.rows]
    return found


def facts_of(conditions) -> list[str]:
    """Return the facts of conditions; one that is asked whether it is known also as `known …`."""
    names = []
    for each in conditions:
        names += [each.fact, f"known {each.fact}"] if each.op is Op.KNOWN else [each.fact]
    return list(dict.fromkeys(names))


def spaces_of(guideline: Guideline, vocabulary: Mapping[str, FactSpec]) -> dict[str, list[FactValue]]:
    """Return, for each fact, values that cover all that the guideline's rows can tell apart."""
    spaces: dict[str, list[FactValue]] = {}
    for name in dict.fromkeys(each.fact for each in conditions_of(guideline)):
        spec = vocabulary[name]
        cells = [each for each in conditions_of(guideline) if each.fact == name and each.op is not Op.KNOWN]
        if spec.type is FactType.BOOL:
            spaces[name] = [Truth.TRUE, Truth.FALSE]
        elif spec.type is FactType.CODE:
            named = {
                word for each in cells for word in (each.value if isinstance(each.value, tuple) else (each.value,))
            }
            others = [word for word in spec.values if word not in named][:1]
            spaces[name] = [*sorted(map(str, named)), *others]
        elif spec.type is FactType.QUANTITY:
            limits = sorted({each.value.to(spec.unit).value for each in cells if isinstance(each.value, Quantity)})
            points = [limits[0] - 0.5, *limits, limits[-1] + 0.5] if limits else [1.0]
            points += [(low + high) / 2 for low, high in itertools.pairwise(limits)]
            spaces[name] = [Quantity(value=point, unit=spec.unit or "1") for point in sorted(points)]
        elif spec.type is FactType.DATE or not spec.values:
            day = date(2025, 5, 5)
            spaces[name] = [day if spec.type is FactType.DATE else (day.isoformat(),)]
        else:
            words = sorted({str(each.value) for each in cells})
            some = [combination for count in range(3) for combination in itertools.combinations(words, count)]
            # All subsets of few words; of many words (conditions) those of up to two, which raise what they raise.
            every = [c for count in range(len(words) + 1) for c in itertools.combinations(words, count)]
            spaces[name] = every if len(words) <= 5 else some
    return spaces


def random_state(
    guideline: Guideline, spaces: Mapping[str, list[FactValue]], rng: random.Random
) -> dict[str, FactValue]:
    """Return random facts, as many of them unknown as the judge can complete one by one."""
    state: dict[str, FactValue] = {
        name: UNKNOWN if rng.random() < 0.35 else rng.choice(values) for name, values in spaces.items()
    }
    for _, kind, asked in expressions_of(guideline):
        for name in asked if kind == "complete" else ():
            if name not in spaces:
                continue
            if completions(asked, state, spaces) <= MOST_COMPLETIONS:
                break
            if state[name] is UNKNOWN:
                state[name] = rng.choice(spaces[name])
    return state


def completions(asked: list[str], state: Mapping[str, FactValue], spaces: Mapping[str, list[FactValue]]) -> int:
    count = 1
    for name in asked:
        count *= len(spaces[name]) if state.get(name) is UNKNOWN else 1
    return count


def plain(value: FactValue) -> Json:
    if value is UNKNOWN:
        return None
    if isinstance(value, Truth):
        return value is Truth.TRUE
    if isinstance(value, Quantity):
        return value.value
    if isinstance(value, tuple):
        return list(value)
    return value.isoformat() if isinstance(value, date) else value
