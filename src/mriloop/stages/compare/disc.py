"""Disc herniation over visits: areas and diameters by limits of agreement, MSU class by what readers agree on."""

from __future__ import annotations

from collections.abc import Callable

from mriloop.model.guideline import Citation, Mark
from mriloop.model.quantity import Measure, NotAssessable, Quantity
from mriloop.model.response import DiscLevel, DiscVisit, Entry, EntryCourse
from mriloop.stages.compare.paired import entry

FUNEN = Citation(
    text="Kjaer et al., Progression of lumbar disc herniations over an eight-year period, BMC Musculoskelet Disord 17",
    year=2016,
    locator="methods: only changes beyond the 95 % limits of agreement count (PMC4714478)",
    mark=Mark.V,
    doi="10.1186/s12891-016-0865-6",
)
AGREEMENT = Citation(
    text="Tunset et al., A method for quantitative measurement of lumbar intervertebral disc structures, Chiropr Man "
    "Therap 21:26",
    year=2013,
    locator="abstract: the widest of the printed 95 % limits of agreement, since which belongs to which is not there",
    mark=Mark.V2,
    doi="10.1186/2045-709X-21-26",
)
MSU = Citation(
    text="Mysliwiec et al., MSU classification for herniated lumbar discs on MRI, Eur Spine J 19:1087",
    year=2010,
    locator="abstract; agreement of independent readers: Fleiss kappa 0.42 (Acta Ortop Bras 26:411, 2018)",
    mark=Mark.V2,
    doi="10.1007/s00586-009-1274-4",
)
# (same reader, other reader): lengths -2.0 to 2.3 and -2.6 to 2.0 mm; areas -31.2 to 43.7 and -64.6 to 27.1 mm².
LENGTH_MM = (2.3, 2.6)
AREA_MM2 = (43.7, 64.6)


def msu_size(depth_mm: float, line_mm: float) -> int:
    """Return the MSU size of a herniation: 0 none, 1, 2 or 3.

    Parameters
    ----------
    depth_mm
        How far disc material reaches behind the disc's own border, at its deepest.
    line_mm
        Distance from that border to the line between the inner ends of the facet joints, measured along the same way.

    Notes
    -----
    1 up to half of that distance, 2 up to the line, 3 beyond it (as remembered from the paper, mark M+).
    """
    if depth_mm <= 0:
        return 0
    if depth_mm > line_mm:
        return 3
    return 2 if depth_mm > line_mm / 2 else 1


def compare_discs(
    visits: tuple[DiscVisit, ...], *, same_reader: bool = False, area_mm2: float | None = None,
    length_mm: float | None = None,
) -> EntryCourse:  # fmt: skip
    """Return every disc level over visits, with what changed beyond the limits of agreement.

    Parameters
    ----------
    visits
        At least one; they are put in the order of their dates.
    same_reader
        Whether one reader measured all visits: the published limits are narrower then.
    area_mm2, length_mm
        The site's own limits of agreement in place of the published ones.
    """
    ordered = tuple(sorted(visits, key=lambda each: each.on))
    column = 0 if same_reader else 1
    entries: list[Entry] = []
    for level in dict.fromkeys(name for visit in ordered for name in visit.levels):
        found = [visit.levels.get(level, DiscLevel()) for visit in ordered]
        names = tuple(visit.id for visit in ordered)
        measures: tuple[tuple[str, str, Callable[[DiscLevel], float | None], float, float | None], ...] = (
            ("herniation", "mm2", lambda each: each.herniation_mm2, AREA_MM2[column], area_mm2),
            ("dural sac", "mm2", lambda each: each.dural_sac_mm2, AREA_MM2[column], area_mm2),
            ("canal", "mm", lambda each: each.canal_mm, LENGTH_MM[column], length_mm),
        )
        for what, unit, pick, published, own in measures:
            values = tuple(_measure(pick(each), unit) for each in found)
            if any(isinstance(each, Quantity) for each in values):
                limit = published if own is None else own
                source = "published" if own is None else "the site's own"
                entries.append(
                    entry(
                        f"{level} {what}", unit, names, values, limit=limit,
                        because=f"{source} 95 % limits of agreement: {limit:g} {unit}",
                        citation=AGREEMENT if own is None else FUNEN,
                    )
                )  # fmt: skip
        entries += _classes(level, names, found)
    return EntryCourse(
        criteria="disc",
        title="Lumbar discs: areas, diameters and MSU class",
        visits=tuple((visit.id, visit.on) for visit in ordered),
        entries=tuple(entries),
        citations=(FUNEN, AGREEMENT, MSU),
        cautions=(
            "The published limits are those of sagittal T2 at one centre and the widest it prints; a site's own are "
            "better and may be stated.",
            "A change of size says nothing of symptoms.",
        ),
    )


def _classes(level: str, names: tuple[str, ...], found: list[DiscLevel]) -> list[Entry]:
    if all(each.msu_size is None for each in found):
        return []
    values = tuple(_measure(None if each.msu_size is None else float(each.msu_size), "{index}") for each in found)
    said = ", ".join(
        f"{name}: {'not classed' if each.msu_size is None else f'{each.msu_size}{_zones(each)}'}"
        for name, each in zip(names, found, strict=True)
    )
    because = "no limits of agreement are published for the class; independent readers reach a kappa of 0.42"
    return [
        entry(f"{level} MSU size", "{index}", names, values, limit=None, because=because, citation=MSU, notes=(said,))
    ]


def _zones(level: DiscLevel) -> str:
    return f"-{level.msu_zones}" if level.msu_zones else ""


def _measure(value: float | None, unit: str) -> Measure:
    return NotAssessable(reason="not stated at this visit") if value is None else Quantity(value=value, unit=unit)
