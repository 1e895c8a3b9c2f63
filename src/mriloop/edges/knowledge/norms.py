"""Reads norms from YAML: limits for named circumstances, the shipped ones and those of the site's `norms/` folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mriloop.edges.knowledge import entries
from mriloop.model.coding import Region, Weighting
from mriloop.model.norm import Norm, When

FOLDER = "norms"
_NORM = {"limit", "value", "when", "because", "citation"}
_WHEN = {"region", "weighting", "protocol", "indication", "manufacturer", "field"}


def load_norms(site: Path | None = None) -> tuple[Norm, ...]:
    """Return all norms: the shipped ones, then those of `site`/norms/*.yaml, marked as the site's own.

    Whether limits of these names exist, and whether the values make sense, is the lint of `stages.check.thresholds`.
    Raises OperatorError `knowledge_invalid`, with file and place, for YAML that cannot be read, unknown or missing
    keys, words outside the vocabularies, and values that are no numbers.
    """
    return entries.load_all(FOLDER, site, read_norms)


def read_norms(text: str, name: str, *, site: bool = False) -> tuple[Norm, ...]:
    """Return the norms of one YAML text; `name` stands in messages. Raises OperatorError `knowledge_invalid`."""
    return entries.read_listed(text, name, "norms", lambda item, where: _norm(item, where, name, site))


def _norm(item: Any, where: str, name: str, site: bool) -> Norm:
    content = entries.mapping(item, where, _NORM)
    return Norm(
        limit=entries.text(content, "limit", where),
        value=entries.number(content.get("value"), f"{where}: value"),
        because=entries.text(content, "because", where),
        citation=entries.citation(content.get("citation"), f"{where}, citation"),
        place=f"{name}, {where}",
        when=_when(content.get("when", {}), f"{where}, when"),
        site=site,
    )


def _when(item: Any, where: str) -> When:
    content = entries.mapping(item, where, _WHEN)
    return When(
        regions=entries.words(Region, entries.texts(content, "region", where), where),
        weightings=entries.words(Weighting, entries.texts(content, "weighting", where), where),
        protocols=entries.texts(content, "protocol", where),
        indications=tuple(word.strip().lower() for word in entries.texts(content, "indication", where)),
        manufacturers=tuple(word.strip().upper() for word in entries.texts(content, "manufacturer", where)),
        field_t=_field(content.get("field"), f"{where}: field"),
    )


def _field(item: Any, where: str) -> tuple[float, float] | None:
    """Read `field: 3` (within a tenth of a tesla) or `field: [1.4, 3.1]`."""
    if item is None:
        return None
    if isinstance(item, list):
        if len(item) != 2:
            raise entries.WrongError(f"{where} must be one number of tesla or [lowest, highest]")
        low, high = (entries.number(each, where) for each in item)
        if low > high:
            raise entries.WrongError(f"{where}: the lowest is above the highest")
        return low, high
    middle = entries.number(item, where)
    return middle - 0.1, middle + 0.1
