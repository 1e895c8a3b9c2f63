"""An order never gets better by a circumstance that speaks against it, nor by saying less; nothing raises."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.app.orders import check_order
from mriloop.model.fact import Truth
from mriloop.model.finding import Case, Fact, Source
from mriloop.model.order import OrderOutcome
from mriloop.model.quantity import Quantity

# From worst to best; an order that nobody checked is no better than one that lacks an answer.
RANK = (
    OrderOutcome.BLOCK,
    OrderOutcome.HOLD,
    OrderOutcome.NEEDS_INFORMATION,
    OrderOutcome.ASK,
    OrderOutcome.ADVISE,
    OrderOutcome.ALLOW,
)
CLEAR = {
    "order_modality": "MR",
    "order_region": "brain",
    "order_contrast": "without_and_with",
    "agent": "gadobutrol",
    "prior_gbca_reaction": "none",
    "pregnant": Truth.FALSE,
    "implant_status": "none",
}
AGAINST = {
    "order_contrast": "with",
    "agent": "gadodiamide",
    "prior_gbca_reaction": "severe",
    "pregnant": Truth.TRUE,
    "implant_status": "unknown",
    "pump_or_sensor": Truth.TRUE,
    "can_lie_flat": Truth.FALSE,
    "question_region": "knee",
    "needs_monitoring": Truth.TRUE,
    "egfr": Quantity(value=12, unit="mL/min/{1.73_m2}"),
}
NEEDED = ("prior_gbca_reaction", "pregnant", "implant_status")


def outcome(values) -> OrderOutcome:
    facts = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in values.items()}
    case = Case(facts=facts, as_of=date(2026, 3, 2))
    return check_order(case, site=None).decision.outcome


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(sorted(AGAINST))), st.sampled_from(sorted(AGAINST)))
def test_one_more_circumstance_against_it_never_makes_an_order_better(some, more):
    # A group I agent, and a low eGFR, weigh together; each alone may only ask.
    before = outcome({**CLEAR, **{name: AGAINST[name] for name in some}})
    after = outcome({**CLEAR, **{name: AGAINST[name] for name in {*some, more}}})
    assert RANK.index(after) <= RANK.index(before)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(sorted(AGAINST))), st.sets(st.sampled_from(NEEDED), min_size=1))
def test_saying_less_of_what_is_needed_never_clears_an_order(some, unsaid):
    values = {**CLEAR, **{name: AGAINST[name] for name in some}}
    found = outcome({name: value for name, value in values.items() if name not in unsaid})
    assert found in (OrderOutcome.BLOCK, OrderOutcome.HOLD, OrderOutcome.NEEDS_INFORMATION)
