"""A refusal at a wall: a code of the one table, with the context that fills its words."""

from __future__ import annotations

from mriloop.model.refusals import BY_CODE, TABLE, ErrorEntry, Exit, Fault

__all__ = [
    "BY_CODE",
    "TABLE",
    "ComponentError",
    "ErrorEntry",
    "Exit",
    "Fault",
    "MriloopError",
    "OperatorError",
    "SenderError",
    "refuse",
]


class MriloopError(Exception):
    """A refusal at a wall: a code of the table with the context that fills its message. Never a bug, never PHI.

    Parameters are the code and the words its message asks for. Raises KeyError for a code outside the table.
    """

    def __init__(self, code: str, /, **context: object) -> None:
        self.entry = BY_CODE[code]
        self.context = context
        super().__init__(self.message)

    def __reduce__(self) -> tuple[object, ...]:
        """Let a refusal travel out of the process of a job with its code and context."""
        return _again, (type(self), self.code, self.context)

    @property
    def code(self) -> str:
        """The code of the table."""
        return self.entry.code

    @property
    def message(self) -> str:
        """What happened, in one sentence."""
        return self.entry.message.format_map(_Context(self.context))

    @property
    def remedy(self) -> str:
        """What to do about it, in one sentence."""
        return self.entry.remedy.format_map(_Context(self.context))


class SenderError(MriloopError):
    """The file, folder, order or peer is at fault."""


class OperatorError(MriloopError):
    """Settings, knowledge, disk or the way of calling are at fault."""


class ComponentError(MriloopError):
    """The machine lacks something that the step needs."""


_CLASSES = {Fault.SENDER: SenderError, Fault.OPERATOR: OperatorError, Fault.COMPONENT: ComponentError}


def refuse(code: str, /, **context: object) -> MriloopError:
    """Return the error for a code, of the class of whoever is at fault, ready to be raised."""
    return _CLASSES[BY_CODE[code].fault](code, **context)


def _again(kind: type[MriloopError], code: str, context: dict[str, object]) -> MriloopError:
    return kind(code, **context)


class _Context(dict[str, object]):
    """Leaves a word that nobody filled visible, so that a poor call cannot hide the code."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
