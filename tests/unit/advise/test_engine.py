"""The engine on small guidelines made by hand: guards, scopes, rivals, anchors, and why nothing changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mriloop.model.coding import Urgency
from mriloop.model.fact import FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import (
    Citation,
    Condition,
    FactSpec,
    FactType,
    Guideline,
    GuidelineSet,
    Mark,
    Match,
    Op,
    Row,
    Scope,
    Status,
    Step,
    Table,
)
from mriloop.model.quantity import Quantity
from mriloop.model.schedule import DuePoint, Duration, Schedule
from mriloop.stages.advise.engine import evaluate
from mriloop.stages.advise.reasons import Why
from mriloop.stages.advise.sensitivity import influences

AS_OF = date(2026, 3, 1)
YES, NO = Truth.TRUE, Truth.FALSE
CITE = Citation(text="Somebody. Journal 2024", year=2024, locator="page 1", mark=Mark.V2)


def spec(name: str, kind: FactType = FactType.BOOL, **more: object) -> FactSpec:
    return FactSpec(name=name, type=kind, question=f"{name}?", **more)  # type: ignore[arg-type]


WORDS = {
    each.name: each
    for each in (
        spec("lump"),
        spec("pain"),
        spec("fever"),
        spec("child"),
        spec("size", FactType.QUANTITY, unit="mm"),
        spec("seen_on", FactType.DATE),
        spec("exam_date", FactType.DATE),
        spec("performed_follow_ups", FactType.LIST),
        spec("condition", FactType.LIST, values=("lump_disease", "riddle", "none")),
        spec("condition_unaddressed"),
        spec("region", FactType.CODE, values=("foot", "brain")),
    )
}


def is_(fact: str, value: FactValue = YES, op: Op = Op.IS) -> Condition:
    return Condition(fact=fact, op=op, value=value)


def size(op: Op, value: float) -> Condition:
    return is_("size", Quantity(value=value, unit="mm"), op)


def row(name: str, *when: Condition, step: Step = Step.CLINICIAN_REVIEW, **more: object) -> Row:
    made = Row(id=name, when=when, step=step, text=f"{name}.", citation=CITE, status=Status.REVIEWED)
    return replace(made, **more)  # type: ignore[arg-type]


def table(name: str, *rows: Row, question: str = "what next", **more: object) -> Table:
    made = Table(id=name, question=question, profile=f"{name} society", match=Match.FIRST, rows=rows)
    return replace(made, **more)  # type: ignore[arg-type]


def guideline(*tables: Table, **more: object) -> Guideline:
    made = Guideline(
        id="g", title="Lumps", version="1", edition="2024", family="g", raised_by=((is_("lump"),),), applies_when=(),
        guards=(), tables=tables,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def stated(**values: FactValue) -> dict[str, Fact]:
    return {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in values.items()}


def ask(*guidelines: Guideline, profiles: dict[str, str] | None = None, as_of: date = AS_OF, **values: FactValue):
    known = GuidelineSet(guidelines=guidelines, vocabulary=WORDS)
    return evaluate(known, stated(**values), as_of=as_of, default_profiles=profiles)


def rows_of(advice) -> list[str]:
    return [each.row for each in advice.recommendations]


SMALL = table("t", row("big", size(Op.AT_LEAST, 10)), row("small", size(Op.LESS_THAN, 10)))
SLOW = row("slow", is_("pain"), urgency=Urgency.DAYS)
NOW = row("now", is_("fever"), urgency=Urgency.MINUTES, step=Step.EMERGENCY_REFERRAL)


def test_an_emergency_guard_is_asked_first_wherever_the_file_lists_it():
    made = guideline(SMALL, guards=(SLOW, NOW))
    assert rows_of(ask(made, lump=YES, pain=YES, fever=YES)) == ["guards/now"]
    assert rows_of(ask(made, lump=YES, pain=YES, fever=NO)) == ["guards/slow"]


def test_an_unknown_guard_stops_nothing_and_is_named():
    advice = ask(guideline(SMALL, guards=(SLOW, NOW)), lump=YES, size=Quantity(value=4, unit="mm"))
    assert rows_of(advice) == ["t/small"]
    assert [(each.code, "fever" in each.text, "pain" in each.text) for each in advice.warnings] == [
        ("emergency_not_excluded", True, False),
        ("not_excluded", False, True),
    ]


def test_an_unknown_emergency_is_named_beside_a_guard_that_fires():
    advice = ask(guideline(SMALL, guards=(SLOW, NOW)), lump=YES, pain=YES)
    assert rows_of(advice) == ["guards/slow"]
    assert [each.code for each in advice.warnings] == ["emergency_not_excluded"]


def test_a_guard_fires_even_while_nobody_knows_whether_the_guideline_applies():
    scope = (Scope(when=(is_("child", NO),), otherwise="a child"),)
    made = guideline(SMALL, guards=(NOW,), applies_when=scope)
    assert rows_of(ask(made, lump=YES, fever=YES)) == ["guards/now"]
    assert ask(made, lump=YES, size=Quantity(value=4, unit="mm")).undetermined[0].missing == ("child",)
    assert ask(made, lump=YES, fever=YES, child=YES).out_of_scope[0].reason == "a child"


def test_a_guideline_with_nothing_to_say_does_not_ask_whether_it_applies():
    scope = (Scope(when=(is_("child", NO),), otherwise="a child"),)
    silent = table("t", row("big", size(Op.AT_LEAST, 10)))
    advice = ask(guideline(silent, applies_when=scope), lump=YES, size=Quantity(value=4, unit="mm"))
    assert not advice.undetermined
    assert advice.out_of_scope[0].reason == "no table of it speaks about this case"


def test_rivals_stand_side_by_side_and_only_the_default_is_marked_as_such():
    lead = table("lead", row("a", is_("pain")), row("b", is_("pain", NO)))
    rival = table("rival", row("c", step=Step.MDT_REVIEW), default=False)
    third = table("third", row("d", step=Step.INDIVIDUALISE), default=False)
    advice = ask(guideline(lead, rival, third), lump=YES, pain=YES)
    assert [(each.row, each.default) for each in advice.recommendations] == [
        ("lead/a", True), ("rival/c", False), ("third/d", False),
    ]  # fmt: skip
    assert advice.conflicts[0].default == "g/lead/a"
    # The default waits for a fact: the others are shown, none of them in its place.
    waiting = ask(guideline(lead, rival, third), lump=YES)
    assert [(each.row, each.default) for each in waiting.recommendations] == [("rival/c", False), ("third/d", False)]
    assert waiting.undetermined[0].missing == ("pain",)
    assert waiting.undetermined[0].profiles == ("lead society",)
    assert waiting.conflicts[0].default == ""
    assert "default" not in waiting.conflicts[0].text
    chosen = ask(guideline(lead, rival, third), lump=YES, pain=YES, profiles={"g": "rival society"})
    assert chosen.conflicts[0].default == "g/rival/c"


def test_a_profile_that_says_the_same_is_named_and_not_repeated():
    lead, rival = table("lead", row("a")), table("rival", row("b"), default=False)
    advice = ask(guideline(lead, rival), lump=YES)
    assert rows_of(advice) == ["lead/a"]
    assert any("rival society says the same" in line for line in advice.recommendations[0].because)


DATED = Schedule(
    anchor="seen_on", points=(DuePoint(target=Duration(months=6), tolerance=Duration(months=1)),)
)  # fmt: skip


def test_a_row_whose_anchor_nobody_knows_asks_for_it():
    made = guideline(table("t", row("later", schedule=DATED, step=Step.FOLLOW_UP_IMAGING)))
    advice = ask(made, lump=YES)
    assert not advice.recommendations
    assert advice.undetermined[0].missing == ("seen_on",)
    found = ask(made, lump=YES, seen_on=date(2026, 1, 31)).recommendations[0]
    assert found.window is not None
    assert found.window.target == date(2026, 7, 31)
    assert (found.window.earliest, found.window.latest) == (date(2026, 6, 30), date(2026, 8, 31))


def test_a_guard_whose_anchor_nobody_knows_still_fires_and_says_what_its_date_needs():
    made = guideline(SMALL, guards=(row("wait", is_("pain"), schedule=DATED, step=Step.DEFER_IMAGING),))
    advice = ask(made, lump=YES, pain=YES)
    assert rows_of(advice) == ["guards/wait"]
    assert [each.code for each in advice.warnings] == ["anchor_missing"]
    assert "seen_on?" in advice.warnings[0].text


def test_a_retired_row_is_shown_as_such():
    made = guideline(table("t", row("old", status=Status.RETIRED)))
    advice = ask(made, lump=YES)
    assert advice.recommendations[0].status is Status.RETIRED
    assert [each.code for each in advice.warnings] == ["row_retired"]


def test_every_answer_carries_facts_row_citation_and_edition():
    advice = ask(guideline(SMALL), lump=YES, size=Quantity(value=12, unit="mm"))
    (said,) = advice.recommendations
    assert said.because == ("size: 12 mm (stated)", "row g/t/big (2024): size at least 10 mm")
    assert (said.citation, said.edition, said.profile) == (CITE, "2024", "t society")


def test_asking_a_day_later_moves_no_window():
    made = guideline(table("t", row("later", schedule=DATED, step=Step.FOLLOW_UP_IMAGING)))
    windows = {
        ask(made, as_of=AS_OF + timedelta(days=days), lump=YES, seen_on=date(2026, 1, 31)).recommendations[0].schedule
        for days in range(0, 2000, 97)
    }
    assert len(windows) == 1


LATE = guideline(
    table("dispatch", row("review"), when=(is_("condition_unaddressed"),)),
    id="unaddressed", raised_by=((is_("condition_unaddressed"),),),
)  # fmt: skip
SPEAKS = guideline(SMALL, raised_by=((is_("condition", "lump_disease", Op.CONTAINS),),))


def test_a_condition_without_a_guideline_ends_with_a_clinician():
    assert rows_of(ask(SPEAKS, LATE, condition=("riddle",))) == ["dispatch/review"]
    both = ask(SPEAKS, LATE, condition=("lump_disease", "riddle"), size=Quantity(value=4, unit="mm"))
    assert sorted(rows_of(both)) == ["dispatch/review", "t/small"]
    assert rows_of(ask(SPEAKS, LATE, condition=("lump_disease",), size=Quantity(value=4, unit="mm"))) == ["t/small"]
    assert rows_of(ask(SPEAKS, LATE, condition=("none",))) == []
    assert rows_of(ask(SPEAKS, LATE)) == []
    scope = (Scope(when=(is_("child", NO),), otherwise="a child"),)
    assert rows_of(ask(replace(SPEAKS, applies_when=scope), LATE, condition=("lump_disease",), child=YES)) == [
        "dispatch/review"
    ]


def reasons(made: Guideline, **values: FactValue) -> dict[tuple[str, str], str]:
    """Return, for each fact and tried value that changes nothing, the word of the reason."""
    known = GuidelineSet(guidelines=(made,), vocabulary=WORDS)
    return {
        (each.fact, str(getattr(each.value, "value", each.value))): each.reason.why.value
        for each in influences(made, known, stated(**values), as_of=AS_OF)
        if each.reason is not None
    }


def test_reasons_for_which_a_fact_does_not_matter():
    made = guideline(
        table("t", row("big", size(Op.AT_LEAST, 10)), row("sore", is_("pain")), row("rest")),
        table("u", row("only"), question="and then", when=(is_("child"),), if_unknown="silent"),
        guards=(NOW,),
    )  # fmt: skip
    big = reasons(made, lump=YES, size=Quantity(value=12, unit="mm"), pain=NO, fever=NO, region="foot")
    assert big["pain", "true"] == Why.EARLIER_ROW
    assert big["size", "10.0"] == Why.SAME_CLASS
    assert big["region", "brain"] == Why.NOT_ASKED
    assert big["child", "false"] == Why.SILENT
    assert ("size", "5.0") not in big
    assert ("fever", "unknown") not in big, "an emergency that nobody has excluded is a warning, and so a change"
    urgent = reasons(made, lump=YES, size=Quantity(value=12, unit="mm"), fever=YES)
    assert urgent["size", "5.0"] == Why.GUARD_FIRST
    outside = reasons(made, lump=NO, size=Quantity(value=12, unit="mm"))
    assert outside["size", "5.0"] == Why.OUT_OF_SCOPE


def test_what_changes_the_answer_is_said_with_the_answer():
    made = guideline(SMALL)
    known = GuidelineSet(guidelines=(made,), vocabulary=WORDS)
    found = list(influences(made, known, stated(lump=YES, size=Quantity(value=12, unit="mm")), as_of=AS_OF))
    tried = {str(getattr(each.value, "value", each.value)): each for each in found if each.fact == "size"}
    assert tried["unknown"].changes
    assert tried["unknown"].after is not None
    assert tried["unknown"].after.undetermined[0].missing == ("size",)
    assert tried["5.0"].after is not None
    assert rows_of(tried["5.0"].after) == ["t/small"]


@pytest.mark.parametrize("value", [0.9, 1.0, 1.1])
def test_a_limit_is_exact_in_another_unit(value):
    advice = ask(guideline(SMALL), lump=YES, size=Quantity(value=value, unit="cm"))
    assert rows_of(advice) == ["t/big" if value >= 1.0 else "t/small"]
