"""COMMUNICATE: letters and messages made of a verified report, and what patients are told of each step."""

from mriloop.stages.communicate.alert import repeat_alert
from mriloop.stages.communicate.choice import kind_of
from mriloop.stages.communicate.letters import patient_letter, referrer_message
from mriloop.stages.communicate.preview import StepPreview, preview
from mriloop.stages.communicate.readability import readability, too_hard
from mriloop.stages.communicate.step_texts import problems_of, text_of

__all__ = [
    "StepPreview",
    "kind_of",
    "patient_letter",
    "preview",
    "problems_of",
    "readability",
    "referrer_message",
    "repeat_alert",
    "text_of",
    "too_hard",
]
