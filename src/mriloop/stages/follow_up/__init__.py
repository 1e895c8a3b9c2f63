"""FOLLOW UP: what is owed, by when, by whom, until it is done."""

from mriloop.stages.follow_up.answer import reasons_against
from mriloop.stages.follow_up.clock import COMING_DUE_DAYS, NON_COMPLIANT_DAYS, clock, due_list
from mriloop.stages.follow_up.opening import ACT_WITHIN_DAYS, next_follow_up, open_follow_ups, supersede
from mriloop.stages.follow_up.workflow import TRANSITIONS, Transition, advance

__all__ = [
    "ACT_WITHIN_DAYS",
    "COMING_DUE_DAYS",
    "NON_COMPLIANT_DAYS",
    "TRANSITIONS",
    "Transition",
    "advance",
    "clock",
    "due_list",
    "next_follow_up",
    "open_follow_ups",
    "reasons_against",
    "supersede",
]
