"""The placeholders of a text that knowledge ships: bare names in braces and nothing else."""

from __future__ import annotations

import string


def placeholders_of(text: str) -> frozenset[str]:
    """Return the names in braces. Raises ValueError, in words, for braces that do not match, or hold more than a name.

    No attribute, index, conversion or format: a text of a site can fill in what it is given and reach nothing else.
    """
    try:
        parsed = [part[1:] for part in string.Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise ValueError(f"braces do not match in {text!r} ({error})") from None
    for name, form, conversion in parsed:
        if form or conversion or name is None or not name.isidentifier():
            raise ValueError(f"{{{name}}} is not a plain placeholder")
    return frozenset(str(name) for name, _, _ in parsed)
