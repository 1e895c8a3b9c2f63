"""Which protocol an exam was made for: by its words and its region; in doubt one that only informs, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mriloop.model.coding import Region, Subject
from mriloop.model.fact import Truth
from mriloop.model.protocol import Protocol
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Study
from mriloop.stages.check.header import Header, tokens
from mriloop.stages.check.protocol.match import fits

_MINOR_SHARE = 0.25  # of the series: a region that fewer show is a neighbour caught by the way
_PROCEDURE = ("RequestedProcedureDescription", "PerformedProcedureStepDescription")
_PLANNED = frozenset({Subject.NOT_AN_IMAGE, Subject.PHANTOM})


def choose_protocol(
    study: Study, kinds: Mapping[str, SeriesKind], protocols: Mapping[str, Protocol], region: Region | None = None
) -> Protocol | None:
    """Return the protocol that fits a study, None when none does. `region` overrides the region that series show.

    A protocol of the region whose words stand in the study's name, its procedure or its series' names is taken as what
    the exam was made for, provided that some series answers one of its required lines. Otherwise the only protocol that
    serves the region without words is taken, `advisory`: what deviates from it is information. Two protocols that the
    words call for alike, and phantoms, leave the exam to that fallback too.
    """
    patients = [kind for kind in kinds.values() if kind.object not in _PLANNED]
    if not patients:
        return None
    counts: Counter[Region] = Counter(kind.region for kind in patients)
    del counts[Region.UNKNOWN]
    regions = {region} if region is not None else _regions(counts)
    whole = [tokens(study.description)]
    parts = []
    for series in study.series:
        header = Header(series)
        parts.append(header.name_tokens)
        whole += [tokens(value) for keyword in _PROCEDURE for value in header.words(keyword)]
    fitting = [p for p in protocols.values() if regions & set(p.regions) and not _says_any(p.not_for, whole)]
    scores = {p.id: _score(p, whole, parts, counts) for p in fitting}
    named = sorted((p for p in fitting if scores[p.id][0]), key=lambda p: scores[p.id], reverse=True)
    first = named[0] if named else None
    if first is not None and (len(named) == 1 or scores[first.id] > scores[named[1].id]):
        return replace(first, advisory=not _begun(first, patients))
    general = [p for p in fitting if p.fallback and regions & set(p.fallback_regions or p.regions)]
    return replace(general[0], advisory=True) if len(general) == 1 else None


def _regions(counts: Counter[Region]) -> set[Region]:
    """The regions that an exam was made for: the one most series show, others of a fair share, and the pituitary."""
    most = max(counts.values(), default=0)
    total = sum(counts.values())
    return {r for r, n in counts.items() if n == most or n >= _MINOR_SHARE * total or r is Region.PITUITARY}


def _score(
    protocol: Protocol, whole: Sequence[tuple[str, ...]], parts: Sequence[tuple[str, ...]], counts: Counter[Region]
) -> tuple[int, int, int]:
    """Words that call for it (those of the whole study first), then how many series are of its regions."""
    study = [keyword for keyword in protocol.keywords if _says(keyword, whole)]
    series = [keyword for keyword in protocol.keywords if _says(keyword, parts)]
    words = 2 * len(study) + len(series)
    return words, sum(counts[r] for r in protocol.regions), sum(counts[r] for r in protocol.regions[:1])


def _begun(protocol: Protocol, kinds: Sequence[SeriesKind]) -> bool:
    """Tell whether any series answers a required line for sure: else the exam was made for something else."""
    asked = [line for line in protocol.series if line.required] or list(protocol.series)
    return any(fits(kind, line) is Truth.TRUE for kind in kinds for line in asked)


def _says_any(keywords: Sequence[str], texts: Sequence[tuple[str, ...]]) -> bool:
    return any(_says(keyword, texts) for keyword in keywords)


def _says(keyword: str, texts: Sequence[tuple[str, ...]]) -> bool:
    """Tell whether a text holds the words of the keyword, one right after the other; "500 ms" is a time, no disease."""
    parts = tokens(keyword)
    return any(
        text[k : k + len(parts)] == parts and not (k and len(parts[0]) <= 2 and text[k - 1].isdigit())
        for text in texts
        for k in range(len(text) - len(parts) + 1)
    )
