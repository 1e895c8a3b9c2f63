"""What a refusal is made of: whose fault, message, remedy, HTTP status, exit code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """What a process says when it ends."""

    DONE = 0
    BUG = 1
    USAGE = 2
    REFUSED = 3
    MISSING_COMPONENT = 4
    NEEDS_PERSON = 10


class Fault(StrEnum):
    """Whose mistake it was: who sent the bytes, who runs the system, or what the machine lacks."""

    SENDER = "sender"
    OPERATOR = "operator"
    COMPONENT = "component"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEntry:
    """One line of the table. `message` and `remedy` are format strings over the context of the error."""

    code: str
    fault: Fault
    message: str
    remedy: str
    http: int
    exit: Exit


def sender(code: str, message: str, remedy: str, http: int = 422) -> ErrorEntry:
    """Return a refusal of what a sender gave: a file, a peer."""
    return ErrorEntry(code=code, fault=Fault.SENDER, message=message, remedy=remedy, http=http, exit=Exit.REFUSED)


def usage(code: str, message: str, remedy: str) -> ErrorEntry:
    """Return a refusal of how a command was called."""
    return ErrorEntry(code=code, fault=Fault.OPERATOR, message=message, remedy=remedy, http=400, exit=Exit.USAGE)


def operator(code: str, message: str, remedy: str, http: int = 500) -> ErrorEntry:
    """Return a refusal of what whoever runs the system set or stored."""
    return ErrorEntry(code=code, fault=Fault.OPERATOR, message=message, remedy=remedy, http=http, exit=Exit.REFUSED)


def component(code: str, message: str, remedy: str) -> ErrorEntry:
    """Return a refusal for want of a component of the machine."""
    return ErrorEntry(
        code=code, fault=Fault.COMPONENT, message=message, remedy=remedy, http=503, exit=Exit.MISSING_COMPONENT
    )
