"""The sentence: which record calls for which step next, and whether a machine or a person takes it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Actor(StrEnum):
    """Who takes a step."""

    MACHINE = "machine"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the loop: the record kinds it waits for, the one it leaves, who takes it, in one sentence."""

    name: str
    actor: Actor
    needs: tuple[str, ...]
    makes: str
    says: str
    optional_needs: tuple[str, ...] = ()


STEPS: tuple[Step, ...] = (
    Step(
        name="receive",
        actor=Actor.MACHINE,
        needs=(),
        makes="study.received",
        says="The study comes off the scanner and is indexed.",
    ),
    Step(
        name="check",
        actor=Actor.MACHINE,
        needs=("study.received",),
        makes="study.checked",
        says="Every series gets a verdict with its reasons and the action to take.",
    ),
    Step(
        name="compare",
        actor=Actor.MACHINE,
        needs=("study.checked", "prior.received"),
        makes="study.compared",
        says="Today's series are laid over the prior's in one space, and what changed is listed.",
    ),
    Step(
        name="advise",
        actor=Actor.MACHINE,
        needs=("study.checked",),
        optional_needs=("study.compared", "case.stated"),
        makes="study.advised",
        says="Cited guidelines propose the next step, or name the fact that is missing.",
    ),
    Step(
        name="draft",
        actor=Actor.MACHINE,
        needs=("study.advised",),
        makes="report.drafted",
        says="A structured draft is laid out.",
    ),
    Step(
        name="verify",
        actor=Actor.PERSON,
        needs=("report.drafted",),
        makes="report.verified",
        says="A radiologist reads, corrects and signs.",
    ),
    Step(
        name="communicate",
        actor=Actor.MACHINE,
        needs=("report.verified",),
        makes="letters.written",
        says="Letter and message are made of the signed report.",
    ),
    Step(
        name="follow_up",
        actor=Actor.MACHINE,
        needs=("report.verified",),
        makes="followups.opened",
        says="Every recommendation gets one owner and a window.",
    ),
    Step(
        name="close",
        actor=Actor.PERSON,
        needs=("followups.opened",),
        makes="followup.closed",
        says="Each step is done, or closed by a person with a reason.",
    ),
)


def next_steps(kinds: Collection[str]) -> tuple[Step, ...]:
    """Return every step that the records so far call for and that has not been taken, in the order of the loop."""
    return tuple(step for step in STEPS if step.makes not in kinds and all(need in kinds for need in step.needs))
