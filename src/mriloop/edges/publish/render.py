"""The templates of this room, with autoescape always on and the words of `words` as filters."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from mriloop.edges.publish import words
from mriloop.model.repeats import reason_of


def render(template: str, **context: Any) -> Markup:
    """Fill a template of `templates/`; every value is escaped, and a value that is not there is a bug."""
    return Markup(_environment().get_template(template).render(context))


def asset(name: str) -> str:
    """Return a file of `templates/` as it is: a style sheet or a script that is put into the page."""
    return resources.files(__package__).joinpath("templates", *name.split("/")).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        code_words=words.code_words,
        capital=words.capital,
        clip=words.clip,
        count=words.count,
        day=words.day_words,
        kind=words.kind_words,
        later=words.later_windows,
        measure=words.measure_words,
        number=words.number_words,
        place=words.point_words,
        reason=reason_of,
        screens=words.screen_words,
        quantity=words.quantity_words,
        sentence=words.step_words,
        series=words.series_name,
        short_uid=words.short_uid,
        text=words.sentences,
        window=words.window_words,
    )
    environment.globals.update(ORDERS=words.ORDERS, VERDICTS=words.VERDICTS, STATUS=words.STATUS, MARKS=words.MARKS)
    return environment
