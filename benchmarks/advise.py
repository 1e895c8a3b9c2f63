"""ADVISE: one decision table beside zen-engine (2.1, MIT, Rust) in the same run, and the three bars of its speed.

Bars: all guidelines for one case under 5 ms; at least 20 000 evaluations a second on one core for one guideline;
loading all knowledge under 300 ms. An evaluation of ours is the whole advice: facts that follow, rows, dates, reasons
in words, warnings. The table is the surveillance table of `pituitary_cyp`; zen-engine gets it as JDM from the same
rows. It runs from the interpreter that MRILOOP_PEER_ZEN names; without it ours is measured alone.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.edges.knowledge.guidelines import load_guidelines
from mriloop.model.fact import FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import Condition, FactType, GuidelineSet, Op, Row, Table
from mriloop.model.quantity import Quantity
from mriloop.stages.advise import evaluate
from mriloop.stages.advise.compiled import ReadyGuideline
from mriloop.stages.advise.decide import NO_ROW
from mriloop.stages.advise.facts import CaseFacts

PEER = os.environ.get("MRILOOP_PEER_ZEN", "")
GUIDELINE, TABLE = "pituitary_cyp", "surveillance"
ROUNDS = 7
_SIGNS = {Op.AT_LEAST: ">=", Op.MORE_THAN: ">", Op.AT_MOST: "<=", Op.LESS_THAN: "<"}
Row_ = dict[str, object]


def run() -> list[Row_]:
    """Return one row a measure: ours, the peer's, their ratio, the bar."""
    known = load_guidelines()
    return [*_one_table(known), *_bars(known)]


def _bars(known: GuidelineSet) -> list[Row_]:
    loads = _times(load_guidelines)
    cases = [
        (each, case, {name: _fact(name, value) for name, value in case.facts.items()})
        for each in known.guidelines
        for case in load_guideline_cases(each.id, known)
    ]
    whole = []
    for _, case, facts in cases:
        runs = _times(lambda case=case, facts=facts: evaluate(known, facts, as_of=case.as_of))
        whole.append(statistics.median(runs))
    rates = {}
    for guideline in known.guidelines:
        alone = replace(known, guidelines=(guideline,))
        mine = [(case, facts) for owner, case, facts in cases if owner is guideline]

        def every(alone: GuidelineSet = alone, mine: list = mine) -> None:
            for case, facts in mine:
                evaluate(alone, facts, as_of=case.as_of, default_profiles=case.profiles)

        rates[guideline.id] = len(mine) / statistics.median(_times(every))
    worst = min(rates, key=lambda name: rates[name])
    best = max(rates, key=lambda name: rates[name])
    reach = sum(rate >= 20_000 for rate in rates.values())
    count = f"{len(known.guidelines)} guidelines"
    return [
        _row(f"load all knowledge ({count})", f"{1e3 * statistics.median(loads):.0f} ms", bar="< 300 ms"),
        _row(
            f"whole advice, all guidelines, one case ({len(cases)} cases)",
            f"median {1e3 * statistics.median(whole):.2f} ms, worst {1e3 * max(whole):.2f} ms",
            bar="< 5 ms",
        ),
        _row(
            "whole advice, one guideline, its worked cases",
            f"median {statistics.median(rates.values()):,.0f}/s; slowest {rates[worst]:,.0f}/s ({worst}), "
            f"fastest {rates[best]:,.0f}/s ({best})",
            bar=f">= 20,000/s: {reach} of {len(rates)} reach it",
        ),
    ]


def _one_table(known: GuidelineSet) -> list[Row_]:
    guideline = known.get(GUIDELINE)
    assert guideline is not None
    table = next(each for each in guideline.tables if each.id == TABLE)
    rng = random.Random(20261120)
    asked = list(dict.fromkeys(each.fact for row in table.rows for each in row.when))
    cases = [{name: _any_value(known, table, name, rng) for name in asked} for _ in range(500)]
    vocabulary = {name: replace(spec, derived="") for name, spec in known.vocabulary.items()}
    # The table alone, as the peer has it: no guards, no scope, no other table.
    alone = replace(guideline, raised_by=(), applies_when=(), guards=(), tables=(replace(table, when=()),))
    ready = ReadyGuideline(alone, vocabulary)
    stated = [{name: _fact(name, value) for name, value in case.items()} for case in cases]

    def decide(facts: Mapping[str, Fact]) -> str | None:
        on_case = CaseFacts(facts, vocabulary, date(2026, 3, 1))
        (said,) = ready.tables[0].decide(on_case, *ready.matrix.truths(on_case))
        return None if said.row is None or said.row == NO_ROW else table.rows[said.row].id

    ours = [decide(facts) for facts in stated]
    if not PEER:
        rate = len(cases) / statistics.median(_times(lambda: [decide(facts) for facts in stated]))
        return [_row("one table, every fact known", f"{rate:,.0f} decisions/s", peer="not run (MRILOOP_PEER_ZEN)")]
    seconds: dict[str, list[float]] = {"ours": [], "zen": []}
    for _ in range(ROUNDS):
        seconds["ours"] += _times(lambda: [decide(facts) for facts in stated], rounds=1)
        seconds["zen"] += _zen(table, cases)["seconds"]
    theirs = _zen(table, cases)["answers"]
    rates = {name: len(cases) / statistics.median(taken) for name, taken in seconds.items()}
    return [
        _row(
            f"one table ({len(table.rows)} rows), every fact known",
            f"{rates['ours']:,.0f} decisions/s",
            peer=f"{rates['zen']:,.0f} decisions/s",
            ratio=f"{rates['ours'] / rates['zen']:.1f}",
        ),
        _row("the same answers", f"{len(cases)} of {len(cases)}", peer=f"{_same(ours, theirs)} of {len(cases)}"),
        _one_fact_less(known, table, cases, decide, rng),
    ]


def _one_fact_less(
    known: GuidelineSet,
    table: Table,
    cases: list[dict[str, FactValue]],
    decide: Callable[[Mapping[str, Fact]], str | None],
    rng: random.Random,
) -> Row_:
    """Leave out one fact of each case. It matters where the peer itself answers otherwise for another value of it."""
    left_out = [rng.choice(list(case)) for case in cases]
    filled, of_case = [], []
    for number, (case, name) in enumerate(zip(cases, left_out, strict=True)):
        for value in {_any_value(known, table, name, rng) for _ in range(20)}:
            filled.append({**case, name: value})
            of_case.append(number)
    found: dict[int, set[str | None]] = {}
    for number, answer in zip(of_case, _zen(table, filled)["answers"], strict=True):
        found.setdefault(number, set()).add(answer)
    matters = [number for number, answers in found.items() if len(answers) > 1]
    lacking = [
        {name: value for name, value in case.items() if name != gone}
        for case, gone in zip(cases, left_out, strict=True)
    ]
    theirs = _zen(table, lacking)["answers"]
    ours = [decide({name: _fact(name, value) for name, value in case.items()}) for case in lacking]
    return _row(
        f"a fact that matters is left out ({len(matters)} cases)",
        f"{sum(ours[at] is not None for at in matters)} answered, the others ask for it by name",
        peer=f"{sum(theirs[at] is not None for at in matters)} answered, the others empty without a word",
    )


def _same(ours: list[str | None], theirs: list[str | None]) -> int:
    return sum(one == other for one, other in zip(ours, theirs, strict=True))


def _any_value(known: GuidelineSet, table: Table, name: str, rng: random.Random) -> FactValue:
    spec = known.vocabulary[name]
    if spec.type is FactType.BOOL:
        return rng.choice([Truth.TRUE, Truth.FALSE])
    if spec.type is FactType.CODE:
        return rng.choice(spec.values)
    if spec.type is FactType.QUANTITY:
        return Quantity(value=float(rng.choice([*spec.breakpoints, rng.uniform(0, 60)])), unit=spec.unit or "1")
    raise TypeError(f"{table.id} asks for {name}, which this comparison cannot draw")


def _fact(name: str, value: FactValue) -> Fact:
    return Fact(name=name, value=value, source=Source.PERSON)


def _times(work: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken


def _zen(table: Table, cases: list[dict[str, FactValue]]) -> dict[str, list]:
    task = {
        "table": _jdm(table),
        "cases": [{name: _plain(value) for name, value in case.items()} for case in cases],
        "rounds": 1,
    }
    peer = Path(__file__).with_name("advise_peer.py")
    ran = subprocess.run([PEER, str(peer)], input=json.dumps(task), capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def _plain(value: FactValue) -> object:
    if isinstance(value, Truth):
        return value is Truth.TRUE
    return value.value if isinstance(value, Quantity) else value


def _jdm(table: Table) -> dict[str, object]:
    """Return a table as a JDM graph: a column for each condition that a row may hold on a fact."""
    columns: dict[tuple[str, int], str] = {}
    rules = []
    for row in table.rows:
        rule: dict[str, str] = {"_id": row.id, "out": f'"{row.id}"'}
        for (fact, number), cell in _cells(row):
            name = columns.setdefault((fact, number), f"in{len(columns)}")
            rule[name] = cell
        rules.append(rule)
    for rule in rules:
        for name in columns.values():
            rule.setdefault(name, "")
    inputs = [{"id": name, "name": name, "field": fact} for (fact, _), name in columns.items()]
    content = {"hitPolicy": "first", "rules": rules, "inputs": inputs,
               "outputs": [{"id": "out", "name": "row", "field": "row"}]}  # fmt: skip
    place = {"x": 0, "y": 0}
    return {
        "nodes": [
            {"id": "a", "type": "inputNode", "name": "facts", "position": place},
            {"id": "b", "type": "decisionTableNode", "name": "table", "position": place, "content": content},
            {"id": "c", "type": "outputNode", "name": "answer", "position": place},
        ],
        "edges": [
            {"id": "ab", "type": "edge", "sourceId": "a", "targetId": "b"},
            {"id": "bc", "type": "edge", "sourceId": "b", "targetId": "c"},
        ],
    }


def _cells(row: Row) -> list[tuple[tuple[str, int], str]]:
    seen: dict[str, int] = {}
    cells = []
    for each in row.when:
        seen[each.fact] = seen.get(each.fact, -1) + 1
        cells.append(((each.fact, seen[each.fact]), _cell(each)))
    return cells


def _cell(each: Condition) -> str:
    if isinstance(each.value, Quantity):
        return f"{_SIGNS[each.op]} {each.value.value:g}"
    held = each.value if isinstance(each.value, tuple) else (each.value,)
    words = ", ".join(str(_plain(word)).lower() if isinstance(word, Truth) else f'"{word}"' for word in held)
    return f"not({words})" if each.op is Op.IS_NOT else words


def _row(measure: str, ours: str, *, peer: str = "", ratio: str = "", bar: str = "") -> Row_:
    return {"measure": measure, "mriloop": ours, "zen-engine": peer, "ratio": ratio, "bar": bar}
