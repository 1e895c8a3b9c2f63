"""An order as a whole: as good as the worst answer of its checks, and never cleared while something is missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.advice import Advice, Recommendation
from mriloop.model.errors import refuse
from mriloop.model.fact import Truth
from mriloop.model.finding import Fact
from mriloop.model.guideline import FactSpec, Step
from mriloop.model.order import OrderDecision, OrderOutcome, OrderOverride
from mriloop.model.report import Person
from mriloop.stages.advise.derive.common import is_unknown
from mriloop.stages.advise.facts import CaseFacts

# The guidelines that check an order, in the order in which their answers are read.
ORDER_GUIDELINES = ("order_check", "order_contrast", "order_safety")


_FORM = "order_check/contrast_form/"
_OUTCOMES = (
    (Step.BLOCK_ORDER, OrderOutcome.BLOCK),
    (Step.HOLD_ORDER, OrderOutcome.HOLD),
    (Step.ASK_BEFORE_ORDER, OrderOutcome.ASK),
    (Step.ADVISE_ORDER, OrderOutcome.ADVISE),
    (Step.ALLOW_ORDER, OrderOutcome.ALLOW),
)
# Screens that are looked at where somebody states them, and asked for on the day of the scan.
_SCREENS = ("eye_metal", "pump_or_sensor", "drug_patch", "fits_scanner", "can_lie_flat", "claustrophobia")
_PAIRED = frozenset(
    ("breast", "shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "foot", "extremity"),
)
_STOPS = (Step.BLOCK_ORDER, Step.HOLD_ORDER)
_GOES_ON = (OrderOutcome.ASK, OrderOutcome.ADVISE, OrderOutcome.ALLOW)
_SAFETY = ("mr_medical_director", "mr_safety_officer")
_READERS = ("radiologist", "mr_medical_director")


def decide_order(advice: Advice, override: OrderOverride | None = None) -> OrderDecision:
    """Put the answers of the order checks together.

    A block or a hold decides at once; what is missing comes before a question to ask, that before advice, and that
    before allowing; facts that disagree clear nothing. Only answers of the default profiles decide; the others stand
    under `conflicts`. NOT_CHECKED where no check spoke at all (no order, or not for an MRI). Answers that `override`
    lifts count no more.
    """
    lifts = override.lifts if override is not None else ()
    spoken_for = [each for each in advice.recommendations if each.guideline in ORDER_GUIDELINES and each.default]
    checked = [each for each in spoken_for if each.id not in lifts]
    lifted = tuple(each for each in spoken_for if each.id in lifts)
    waiting = [each for each in advice.undetermined if each.guideline in ORDER_GUIDELINES]
    missing = tuple(dict.fromkeys(name for each in waiting for name in each.missing))
    questions = tuple(dict.fromkeys(text for each in waiting for text in each.questions))
    spoken = bool(checked or lifted)
    outcome = OrderOutcome.NEEDS_INFORMATION if missing else OrderOutcome.NOT_CHECKED
    if spoken and not missing:
        outcome = OrderOutcome.ALLOW
    reasons: tuple[Recommendation, ...] = ()
    for step, means in _OUTCOMES:
        found = tuple(each for each in checked if each.step == step)
        if found:
            reasons = found
            outcome = OrderOutcome.NEEDS_INFORMATION if missing and means in _GOES_ON else means
            break
    doubts = tuple(each.text for each in advice.warnings if each.code == "facts_disagree")
    if doubts and outcome in (OrderOutcome.ALLOW, OrderOutcome.ADVISE):
        outcome, questions = OrderOutcome.NEEDS_INFORMATION, (*questions, *doubts)
    stops = [each for each in checked if each.step in _STOPS]
    return OrderDecision(
        outcome=outcome,
        reasons=reasons,
        missing=missing,
        questions=questions,
        notes=tuple(each for each in checked if each not in reasons and each.step != Step.ALLOW_ORDER),
        conflicts=tuple(each for each in advice.conflicts if each.default.partition("/")[0] in ORDER_GUIDELINES),
        warnings=advice.warnings,
        may_override=tuple(dict.fromkeys(role for each in stops for role in roles_for(each))),
        override=override,
        lifted=lifted,
        form_allowed=any(each.id.startswith(_FORM) and each.step == Step.ALLOW_ORDER for each in checked),
    )


def not_checked(stated: Mapping[str, Fact], vocabulary: Mapping[str, FactSpec], as_of: date) -> tuple[str, ...]:
    """Return in words what no check of an order could look at, because nobody stated it.

    What stops the order while it is not known (agent, reactions, pregnancy, implants) is asked for instead.
    """
    facts = CaseFacts(stated, vocabulary, as_of)

    def open_(*names: str) -> bool:
        return all(is_unknown(facts.value(name)) for name in names)

    found = []
    if "order_modality" not in stated or is_unknown(stated["order_modality"].value):
        found.append("modality: not stated, taken for MR")
    if open_("order_purpose") and facts.value("order_purpose_open") is not Truth.TRUE:
        found.append("need of contrast: neither a purpose nor a condition that names one is stated")
    if open_("recent_same_exam_days"):
        found.append("duplicate: no earlier examination of this region is stated, with its day")
    if open_("order_region_matches"):
        found.append("region: the ordered region or that of the question is not stated")
    if facts.value("order_region") in _PAIRED and open_("order_laterality_matches"):
        found.append("side: the ordered side or that of the question is not stated")
    if screens := [
        vocabulary[name].words or name.replace("_", " ") for name in _SCREENS if name in vocabulary and open_(name)
    ]:
        found.append(f"screens: {'; '.join(screens)}")
    return tuple(found)


def roles_for(answer: Recommendation) -> tuple[str, ...]:
    """Return the roles that can let an order go on in spite of an answer; empty where nothing is stopped.

    An MR Unsafe device is the medical director's to decide, any other stop of the safety screen the safety officer's
    as well, and every other stop a radiologist's.
    """
    if answer.step not in _STOPS:
        return ()
    if answer.guideline == "order_safety":
        return _SAFETY[:1] if answer.step == Step.BLOCK_ORDER else _SAFETY
    return _READERS


def override_order(advice: Advice, *, by: Person, on: date, reason: str) -> OrderDecision:
    """Let a stopped order go on by a person's reasoned act; what that person's role cannot lift still stops it.

    Parameters
    ----------
    advice
        The advice on the order.
    by, on, reason
        Who overrides, on which day, and why. All of it goes on record.

    Raises
    ------
    SenderError
        `order_override_reason` without a reason, `order_not_stopped` where nothing stops the order,
        `order_override_role` where the role can lift none of what stops it.
    """
    if not reason.strip():
        raise refuse("order_override_reason")
    stopped = decide_order(advice)
    stops = [each for each in (*stopped.reasons, *stopped.notes) if each.step in _STOPS]
    if not stops:
        raise refuse("order_not_stopped")
    role = by.role.strip().lower().replace(" ", "_").replace("-", "_")
    lifts = tuple(each.id for each in stops if role in roles_for(each))
    if not lifts:
        raise refuse("order_override_role", role=by.role, roles=" or ".join(stopped.may_override))
    return decide_order(advice, OrderOverride(by=by, on=on, reason=reason.strip(), lifts=lifts))
