"""The limits and norms in force: read, linted, and given to the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mriloop.edges.knowledge.norms import load_norms
from mriloop.edges.knowledge.protocols import load_protocols
from mriloop.edges.knowledge.repeatability import load_repeatability
from mriloop.model.errors import refuse
from mriloop.model.fact import Truth
from mriloop.model.judgement import Repeatability
from mriloop.model.norm import Norm
from mriloop.model.protocol import Protocol
from mriloop.stages.check.limits import SPECS
from mriloop.stages.check.thresholds import faults_in
from mriloop.stages.compare.judge import faults_in as faults_in_repeatability

_SCANNER = {Truth.TRUE: "same", Truth.FALSE: "other", Truth.UNKNOWN: "any"}


def norms_in_force(site: Path | None = None, protocols: Mapping[str, Protocol] | None = None) -> tuple[Norm, ...]:
    """Return the shipped norms and the site's; `protocols` are those of the site where the caller has read them.

    Raises OperatorError `knowledge_invalid` for the first that is wrong.
    """
    norms = load_norms(site)
    for place, text in faults_in(norms, load_protocols(site) if protocols is None else protocols):
        raise refuse("knowledge_invalid", path=place, detail=text)
    return norms


def lint_norms(site: Path | None = None) -> tuple[tuple[str, str], ...]:
    """Return everything that is wrong with the norms and the coefficients of repeatability, as (place, text)."""
    return (*faults_in(load_norms(site), load_protocols(site)), *faults_in_repeatability(load_repeatability(site)))


def repeatability_in_force(site: Path | None = None) -> tuple[Repeatability, ...]:
    """Return the shipped coefficients of repeatability and the site's.

    Raises OperatorError `knowledge_invalid` for the first that is wrong.
    """
    listed = load_repeatability(site)
    for place, text in faults_in_repeatability(listed):
        raise refuse("knowledge_invalid", path=place, detail=text)
    return listed


def norms_document(site: Path | None = None) -> dict[str, Any]:
    """Return what `mriloop norms show --json` prints: limits with reasons, norms and coefficients with sources."""
    return {
        "schema": "mriloop/norms/1",
        "limits": [
            {"name": spec.name, "value": spec.value, "unit": spec.unit, "looser": spec.looser, "least": spec.least,
             "most": spec.most, "because": spec.because}
            for spec in SPECS.values()
        ],
        "norms": [
            {"limit": norm.limit, "value": norm.value, "unit": SPECS[norm.limit].unit, "site": norm.site,
             "when": {name: value for name, value in asdict(norm.when).items() if value},
             "because": norm.because, "citation": asdict(norm.citation), "place": norm.place}
            for norm in norms_in_force(site)
        ],
        "repeatability": [
            {"measure": one.measure, "unit": one.unit, "percent": one.percent, "absolute": one.absolute,
             "ratio": one.ratio, "site": one.site, "regions": list(one.regions),
             "scanner": _SCANNER[one.same_scanner], "circumstances": one.when,
             "citation": asdict(one.citation) if one.citation else None, "place": one.place}
            for one in repeatability_in_force(site)
        ],
    }  # fmt: skip
