"""Reads from YAML how much each measure moves when nothing has changed: shipped coefficients and those of the site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mriloop.edges.knowledge import entries
from mriloop.model.coding import Region
from mriloop.model.fact import Truth
from mriloop.model.judgement import Repeatability

FOLDER = "repeatability"
_ENTRY = {"measure", "unit", "percent", "absolute", "ratio", "when", "circumstances", "citation"}
_WHEN = {"region", "scanner"}
_SCANNER = {"same": Truth.TRUE, "other": Truth.FALSE}


def load_repeatability(site: Path | None = None) -> tuple[Repeatability, ...]:
    """Return all coefficients: the shipped ones, then those of `site`/repeatability/*.yaml, marked as the site's own.

    Whether measures and units fit and the numbers make sense is the lint of `stages.compare.judge`. Raises
    OperatorError `knowledge_invalid`, with file and place.
    """
    return entries.load_all(FOLDER, site, read_repeatability)


def read_repeatability(text: str, name: str, *, site: bool = False) -> tuple[Repeatability, ...]:
    """Return the coefficients of one YAML text. Raises OperatorError `knowledge_invalid`."""
    return entries.read_listed(text, name, "repeatability", lambda item, where: _entry(item, where, name, site))


def _entry(item: Any, where: str, name: str, site: bool) -> Repeatability:
    content = entries.mapping(item, where, _ENTRY)
    when = entries.mapping(content.get("when", {}), f"{where}, when", _WHEN)
    scanner = when.get("scanner")
    if scanner is not None and scanner not in _SCANNER:
        raise entries.WrongError(f"{where}, when: scanner is same or other, not {scanner}")
    ratio = content.get("ratio", False)
    if not isinstance(ratio, bool):
        raise entries.WrongError(f"{where}: ratio must be true or false")
    percent, absolute = (
        None if content.get(key) is None else entries.number(content[key], f"{where}: {key}")
        for key in ("percent", "absolute")
    )
    return Repeatability(
        measure=entries.text(content, "measure", where),
        unit=entries.text(content, "unit", where),
        percent=percent,
        absolute=absolute,
        ratio=ratio,
        when=entries.text(content, "circumstances", where),
        citation=entries.citation(content.get("citation"), f"{where}, citation"),
        regions=entries.words(Region, entries.texts(when, "region", f"{where}, when"), where),
        same_scanner=_SCANNER.get(str(scanner), Truth.UNKNOWN),
        place=f"{name}, {where}",
        site=site,
    )
