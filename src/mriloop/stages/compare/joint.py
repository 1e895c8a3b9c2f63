"""RAMRIS 2016 over visits: scores by site within their ranges, sums, and differences beyond a cited smallest change."""

from __future__ import annotations

from collections.abc import Mapping

from mriloop.model.guideline import Citation, Mark
from mriloop.model.quantity import Measure, NotAssessable, Quantity
from mriloop.model.ramris import FEATURES, Feature, misfit
from mriloop.model.response import Entry, EntryCourse, JointVisit
from mriloop.stages.compare.paired import entry

RAMRIS = Citation(
    text="Østergaard et al., The OMERACT rheumatoid arthritis magnetic resonance imaging scoring system: updated "
    "recommendations by the OMERACT MRI in Arthritis working group, J Rheumatol 44:1706",
    year=2017,
    locator="table 2 (ranges and numbers of sites)",
    mark=Mark.V,
    doi="10.3899/jrheum.161433",
)
NARROWING = Citation(
    text="Døhn et al., The OMERACT-RAMRIS joint space narrowing score: intrareader and interreader reliability, "
    "J Rheumatol 41:392",
    year=2014,
    locator="abstract: smallest detectable difference of one reader 1.2 (MCP), 6.1 (wrist), 6.4 (both)",
    mark=Mark.V2,
)
SHEATHS = Citation(
    text="Glinatsi et al., Development and validation of the OMERACT RA MRI tenosynovitis scoring system, J Rheumatol",
    year=2017,
    locator="abstract: smallest detectable change of one reader at most 3.0 over all 13 sheaths",
    mark=Mark.V2,
    doi="10.3899/jrheum.161097",
)
TWO_TIMES = Citation(
    text="McQueen et al., OMERACT RA MRI studies: summary of OMERACT 6 MR imaging module, J Rheumatol 30:1387",
    year=2003,
    locator="abstract: reliability was less satisfactory in discriminating between two time points",
    mark=Mark.V2,
)
# Smallest detectable change of the sums over wrist, MCP joints and both, and where it stands; None where uncited.
DETECTABLE: Mapping[str, tuple[tuple[float | None, float | None, float | None], Citation]] = {
    "narrowing": ((6.1, 1.2, 6.4), NARROWING),
    "tenosynovitis": ((None, None, 3.0), SHEATHS),
}


def compare_joints(visits: tuple[JointVisit, ...], *, detectable: Mapping[str, float] | None = None) -> EntryCourse:
    """Return the sums of every feature over visits (wrist, MCP joints, both), with what changed detectably.

    Parameters
    ----------
    visits
        At least one; they are put in the order of their dates.
    detectable
        The readers' own smallest detectable change of the sum over wrist and MCP joints, by feature. Where neither
        this nor a cited one is known, a difference is shown and nothing is said of it.

    Raises
    ------
    ValueError
        For a score that RAMRIS does not have.
    """
    ordered = tuple(sorted(visits, key=lambda each: each.on))
    for visit in ordered:
        for name, scores in visit.scores.items():
            for site, score in scores.items():
                wrong = misfit(name, site, score)
                if wrong:
                    raise ValueError(f"{visit.id}, {name}, {site}: {wrong}")
    entries = [
        each
        for name, feature in FEATURES.items()
        if any(name in visit.scores for visit in ordered)
        for each in _entries(name, feature, ordered, (detectable or {}).get(name))
    ]
    return EntryCourse(
        criteria="ramris",
        title="RAMRIS 2016 (rheumatoid arthritis, wrist and MCP joints 2 to 5)",
        visits=tuple((visit.id, visit.on) for visit in ordered),
        entries=tuple(entries),
        citations=(RAMRIS, NARROWING, SHEATHS, TWO_TIMES),
        cautions=(
            "RAMRIS is less satisfactory between two time points than at one: read both visits side by side, by one "
            "reader, before a difference is believed.",
            "For erosion, osteitis and synovitis no smallest detectable change is cited here: state your readers' own.",
            "Numbers of sites and ranges were read in the table; which pairs of bones the seventeen wrist sites of "
            "joint space narrowing are is remembered (mark M+).",
        ),
    )


def _entries(name: str, feature: Feature, visits: tuple[JointVisit, ...], own: float | None) -> list[Entry]:
    names = tuple(visit.id for visit in visits)
    parts = (("wrist", feature.wrist), ("MCP", feature.mcp), ("wrist and MCP", feature.sites))
    found = []
    known, source_of = DETECTABLE.get(name, ((None, None, None), None))
    for (part, sites), published in zip(parts, known, strict=True):
        scored = [{site: visit.scores.get(name, {}).get(site) for site in sites} for visit in visits]
        if not any(score is not None for each in scored for score in each.values()):
            continue
        limit = own if own is not None and part == "wrist and MCP" else published
        if limit is None:
            because = "no smallest detectable change is cited for this sum"
        else:
            source = "the readers' own" if limit == own else "the published"
            because = f"{source} smallest detectable change: {limit:g}"
        found.append(
            entry(
                f"{feature.words}, {part}", "1", names, tuple(_sum(each, name) for each in scored), limit=limit,
                because=because, citation=source_of if limit is not None and limit != own else None,
                notes=_moved(names, scored),
            )
        )  # fmt: skip
    return found


def _sum(scores: Mapping[str, float | None], name: str) -> Measure:
    missing = [site for site, score in scores.items() if score is None]
    if missing:
        listed = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")
        return NotAssessable(reason=f"{name} was not scored at {len(missing)} of {len(scores)} sites ({listed})")
    return Quantity(value=float(sum(score for score in scores.values() if score is not None)), unit="1")


def _moved(names: tuple[str, ...], scored: list[dict[str, float | None]]) -> tuple[str, ...]:
    """Return the sites whose score differs between first and last visit."""
    if len(scored) < 2:
        return ()
    moved = [
        f"{site} {before:g} to {after:g}"
        for site in scored[0]
        if (before := scored[0][site]) is not None and (after := scored[-1][site]) is not None and before != after
    ]
    return (f"{names[0]} to {names[-1]}: {', '.join(moved)}",) if moved else ()
