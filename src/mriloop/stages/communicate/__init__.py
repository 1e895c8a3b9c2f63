"""COMMUNICATE: letters and messages made of a verified report."""

from mriloop.stages.communicate.alert import repeat_alert
from mriloop.stages.communicate.choice import kind_of
from mriloop.stages.communicate.letters import patient_letter, referrer_message
from mriloop.stages.communicate.readability import readability, too_hard

__all__ = ["kind_of", "patient_letter", "readability", "referrer_message", "repeat_alert", "too_hard"]
