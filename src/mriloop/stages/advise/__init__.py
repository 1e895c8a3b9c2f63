"""ADVISE: the next step, from cited decision tables, or the fact that is missing."""

from mriloop.stages.advise.engine import evaluate, questions_for
from mriloop.stages.advise.explain import cite, explain, explain_recommendation
from mriloop.stages.advise.from_check import facts_from_check
from mriloop.stages.advise.from_comparison import facts_from_comparison
from mriloop.stages.advise.from_headers import facts_from_headers
from mriloop.stages.advise.lint import CaseFailure, lint, run_case
from mriloop.stages.advise.orders import OrderDecision, OrderOutcome, decide_order
from mriloop.stages.advise.show import show_guideline
from mriloop.stages.advise.together import put_together

__all__ = [
    "CaseFailure",
    "OrderDecision",
    "OrderOutcome",
    "cite",
    "decide_order",
    "evaluate",
    "explain",
    "explain_recommendation",
    "facts_from_check",
    "facts_from_comparison",
    "facts_from_headers",
    "lint",
    "put_together",
    "questions_for",
    "run_case",
    "show_guideline",
]
