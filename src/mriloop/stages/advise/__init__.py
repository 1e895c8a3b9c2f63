"""ADVISE: the next step, from cited decision tables, or the fact that is missing."""

from mriloop.stages.advise.coverage import cover
from mriloop.stages.advise.diff import Difference, compare_editions
from mriloop.stages.advise.engine import evaluate, questions_for
from mriloop.stages.advise.explain import cite, explain, explain_recommendation
from mriloop.stages.advise.from_check import facts_from_check
from mriloop.stages.advise.from_comparison import facts_from_comparison
from mriloop.stages.advise.from_headers import facts_from_headers
from mriloop.stages.advise.lint import CaseFailure, lint, lint_between, run_case
from mriloop.stages.advise.orders import ORDER_GUIDELINES, decide_order, not_checked, override_order
from mriloop.stages.advise.sensitivity import Influence, influences
from mriloop.stages.advise.sheet import sheet_of, show_guideline
from mriloop.stages.advise.signatures import (
    row_digest,
    rows_of,
    say_signature,
    sign_off,
    signature_problems,
    status_on,
    why_not_signed,
)
from mriloop.stages.advise.together import put_together

__all__ = [
    "ORDER_GUIDELINES",
    "CaseFailure",
    "Difference",
    "Influence",
    "cite",
    "compare_editions",
    "cover",
    "decide_order",
    "evaluate",
    "explain",
    "explain_recommendation",
    "facts_from_check",
    "facts_from_comparison",
    "facts_from_headers",
    "influences",
    "lint",
    "lint_between",
    "not_checked",
    "override_order",
    "put_together",
    "questions_for",
    "row_digest",
    "rows_of",
    "run_case",
    "say_signature",
    "sheet_of",
    "show_guideline",
    "sign_off",
    "signature_problems",
    "status_on",
    "why_not_signed",
]
