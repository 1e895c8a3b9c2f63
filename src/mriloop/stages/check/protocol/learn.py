"""A reference proposed from good studies: robust centres, tolerances from their spread, and what varies left out."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mriloop.model.coding import Region, Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation, Mark
from mriloop.model.protocol import CoilRule, FieldRule, LeftOut, Protocol, SeriesProtocol
from mriloop.model.quality import SeriesKind, Severity
from mriloop.model.study import Series, Study
from mriloop.stages.check.header import Header, tokens
from mriloop.stages.check.identify import computed
from mriloop.stages.check.protocol.coil import coil_of
from mriloop.stages.check.protocol.fields import FIELDS, Field, take

LEAST = 3  # studies: two tell no spread, and of two that differ nobody knows which is right
_SIGMAS = 3.0
_MAD_TO_SD = 1.4826
_OUTLIER_SD = 6.0
_OUTLIER_FLOORS = 4.0  # and that many times the floor, so that rounding makes no outlier
_FREE = 0.25  # a spread of a quarter of the value: operators choose it freely
_PRESENT = 0.8  # of the good series must say a field, else silence would be reported for most
_SKIPPED = frozenset({Weighting.LOCALIZER, Weighting.SCREENSHOT, Weighting.UNKNOWN})
_PLANAR = frozenset({Weighting.BOLD, Weighting.DWI, Weighting.TRACE, Weighting.PERFUSION, Weighting.ASL})
_SAID_BY_KIND = frozenset({"ContrastAgent", "FatSuppression", "MRAcquisitionType"})
_SWITCHES = frozenset({"PhaseEncodingAxis", "ScanningSequence"})

Member = tuple[str, Series, SeriesKind]  # name of the study, series, kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """A study whose series stands apart from the others; its value was not learned from."""

    study: str
    series: str
    field: str
    found: str
    usual: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A proposed reference, with how many studies it was learned from, what was left out, and who stands apart."""

    protocol: Protocol
    studies: int
    left_out: tuple[LeftOut, ...] = ()
    outliers: tuple[Outlier, ...] = ()


def learn_protocol(
    studies: Mapping[str, tuple[Study, Mapping[str, SeriesKind]]], *, identity: str, title: str, year: int
) -> Learned | None:
    """Propose a reference from good studies, by the name that each shall have in messages; None without any series.

    Series are grouped by what they are (and by name where a study holds several alike). Numbers: the median, within
    three robust standard deviations (1.4826 MAD) but never less than the field's floor nor than what any study that was
    learned from needs; a value more than six of them from the median names its study as an outlier. Words: those that
    occur. Fields that spread over a quarter of their value, that most headers do not carry, or whose words all differ
    are left out with the reason. Every study learned from passes what comes out.
    """
    groups = _groups(studies)
    total = len(studies)
    left: list[LeftOut] = []
    outliers: list[Outlier] = []
    lines: list[SeriesProtocol] = []
    regions: Counter[Region] = Counter()
    for key, members in groups.items():
        present = len({name for name, _, _ in members})
        where = _title(members)
        if present < max(2, total / 2):
            why = f"{present} of {total} studies hold it"
            left.append(LeftOut(where=where, what="series", why=why))
            continue
        regions.update(kind.region for _, _, kind in members if kind.region is not Region.UNKNOWN)
        identifier = _identifier(where, {line.id for line in lines})
        line, missing, odd = _line(identifier, key, members, required=present == total)
        lines.append(line)
        left += missing
        outliers += odd
    if not lines:
        return None
    where_taken = tuple(region for region, _ in regions.most_common()) or (Region.UNKNOWN,)
    protocol = Protocol(
        id=identity,
        title=title,
        version="1",
        regions=where_taken,
        series=tuple(replace(line, regions=where_taken) for line in lines),
        citations=(
            Citation(
                text=f"Learned from {total} studies of this site that somebody called good",
                year=year,
                locator="medians, and tolerances from their spread (3 robust standard deviations, with a floor)",
                mark=Mark.M,
            ),
        ),
    )
    return Learned(protocol=protocol, studies=total, left_out=tuple(left), outliers=tuple(outliers))


def _groups(studies: Mapping[str, tuple[Study, Mapping[str, SeriesKind]]]) -> dict[tuple[object, ...], list[Member]]:
    kinds: dict[tuple[object, ...], list[Member]] = defaultdict(list)
    for name, (study, found) in studies.items():
        for series in study.series:
            kind = found[series.series_instance_uid]
            if kind.object in (Subject.NOT_AN_IMAGE, Subject.PHANTOM) or kind.weighting in _SKIPPED:
                continue
            if computed(Header(series), kind) and kind.weighting not in (Weighting.ADC, Weighting.FAT_FRACTION):
                continue
            kinds[kind.weighting, kind.plane, kind.contrast, kind.fat_suppressed, kind.three_d].append(
                (name, series, kind)
            )
    groups: dict[tuple[object, ...], list[Member]] = {}
    for key, members in kinds.items():
        most = max(Counter(name for name, _, _ in members).values())
        if most == 1:
            groups[key] = members
            continue
        for member in members:
            groups.setdefault((*key, Header(member[1]).name_tokens), []).append(member)
    return groups


def _line(
    identifier: str, key: tuple[object, ...], members: Sequence[Member], *, required: bool
) -> tuple[SeriesProtocol, list[LeftOut], list[Outlier]]:
    kind = members[0][2]
    left: list[LeftOut] = []
    odd: list[Outlier] = []
    fields = []
    title = _title(members)
    for field in FIELDS:
        if not field.learned or field.keyword in _SAID_BY_KIND:
            continue
        rule, why, apart = _rule(field, members, kind)
        odd += apart
        if rule is not None:
            fields.append(rule)
        elif why:
            left.append(LeftOut(where=title, what=field.keyword, why=why))
    coil, why, apart = _coil(members)
    odd += apart
    if why:
        left.append(LeftOut(where=title, what="coil", why=why))
    named = (" ".join(Header(members[0][1]).name_tokens),) if len(key) > 5 else ()
    line = SeriesProtocol(
        id=identifier,
        title=title,
        weightings=(kind.weighting,),
        planes=(kind.plane,) if kind.plane.value not in ("unknown", "mixed") else (),
        contrast=kind.contrast,
        fat_suppressed=kind.fat_suppressed,
        three_d=kind.three_d,
        required=required,
        fields=tuple(fields),
        coils=(coil,) if coil else (),
        named=tuple(name for name in named if name),
        regions=(),
    )
    return line, left, odd


def _rule(field: Field, members: Sequence[Member], kind: SeriesKind) -> tuple[FieldRule | None, str, list[Outlier]]:
    """Return the rule for one field, or why there is none (empty: no header speaks of it), and who stands apart."""
    said = [(m, take(field.keyword, Header(m[1]), text=field.kind == "text")) for m in members]
    speaking = [(m, found) for m, found in said if found]
    if not speaking:
        return None, "", []
    if len(speaking) < _PRESENT * len(members):
        return None, f"only {len(speaking)} of {len(members)} headers carry it", []
    if field.kind == "text":
        return _words_rule(field, speaking, kind)
    if field.kind == "numbers":
        return _set_rule(field, speaking)
    return _number_rule(field, [(m, float(found[0])) for m, found in speaking])


def _words_rule(
    field: Field, speaking: Sequence[tuple[Member, tuple[object, ...]]], kind: SeriesKind
) -> tuple[FieldRule | None, str, list[Outlier]]:
    texts = Counter(str(word) for _, found in speaking for word in found)
    sets = Counter(tuple(str(word) for word in found) for _, found in speaking)
    usual, count = sets.most_common(1)[0]
    if len(sets) > max(2, len(speaking) / 2) and count < len(speaking) / 2:
        return None, f"{len(sets)} different texts", []
    odd = [(m, found) for m, found in speaking if sets[tuple(map(str, found))] == 1 and len(speaking) >= 2 * LEAST]
    odd = odd if count >= _PRESENT * len(speaking) else []
    outliers = [
        Outlier(study=m[0], series=m[1].description, field=field.keyword, found=" ".join(map(str, found)),
                usual=" ".join(usual)) for m, found in odd
    ]  # fmt: skip
    if outliers:
        texts = Counter(str(word) for m, found in speaking if (m, found) not in odd for word in found)
    spoils = field.keyword in _SWITCHES and kind.weighting in _PLANAR
    severity = Severity.MAJOR if spoils else Severity.MINOR
    because = "distortion lies along it" if spoils and field.keyword == "PhaseEncodingAxis" else ""
    together = len(usual) > 1 and len(sets) - len({tuple(map(str, f)) for _, f in odd}) == 1
    rule = FieldRule(
        keyword=field.keyword,
        one_of=() if together else tuple(sorted(texts)),
        contains_all=usual if together else (),
        severity=severity,
        because=because,
    )
    return rule, "", outliers


def _set_rule(
    field: Field, speaking: Sequence[tuple[Member, tuple[object, ...]]]
) -> tuple[FieldRule | None, str, list[Outlier]]:
    sizes = Counter(len(found) for _, found in speaking)
    if len(sizes) > 1:
        return None, f"{len(sizes)} different numbers of values", []
    columns = list(zip(*(tuple(float(str(v)) for v in found) for _, found in speaking), strict=True))
    centres = tuple(statistics.median(column) for column in columns)
    needed = max(abs(v - c) for column, c in zip(columns, centres, strict=True) for v in column)
    floor = max(field.floor, field.share * max(abs(c) for c in centres))
    if needed > max(4 * floor, _FREE * max(abs(c) for c in centres)):
        return None, f"the values differ by up to {needed:.3g} {field.unit}", []
    values = tuple(dict.fromkeys(_rounded(c) for c in centres))
    tolerance = _up(max(floor, needed))
    return FieldRule(keyword=field.keyword, unit=field.unit, values=values, tolerance=tolerance), "", []


def _number_rule(field: Field, speaking: Sequence[tuple[Member, float]]) -> tuple[FieldRule | None, str, list[Outlier]]:
    values = [value for _, value in speaking]
    centre = statistics.median(values)
    floor = max(field.floor, field.share * abs(centre))
    spread = _MAD_TO_SD * statistics.median(abs(v - centre) for v in values)
    limit = max(_OUTLIER_SD * spread, _OUTLIER_FLOORS * floor)
    odd = [(m, v) for m, v in speaking if abs(v - centre) > limit and len(speaking) > LEAST]
    odd = odd if len(odd) <= len(speaking) / 4 else []
    kept = [v for m, v in speaking if (m, v) not in odd]
    centre = statistics.median(kept)
    needed = max(abs(v - centre) for v in kept)
    if needed > floor and (spread > _FREE * abs(centre) or needed > 2 * _FREE * abs(centre)):
        text = f"{min(kept):.4g} to {max(kept):.4g} {field.unit}".strip()
        return None, f"it varies freely: {text}", []
    tolerance = _up(max(floor, _SIGMAS * spread, needed + abs(centre - _rounded(centre))))
    if field.at_least:
        return _least_rule(field, min(kept), centre, floor), "", []
    rule = FieldRule(
        keyword=field.keyword,
        unit="" if field.unit == "{count}" else field.unit,
        value=_rounded(centre),
        tolerance=tolerance,
        major_tolerance=None if field.spoils is None else _up(max(field.spoils * abs(centre), 2 * tolerance)),
    )
    outliers = [
        Outlier(study=m[0], series=m[1].description, field=field.keyword, found=f"{v:.6g} {field.unit}".strip(),
                usual=f"{centre:.6g}") for m, v in odd
    ]  # fmt: skip
    return rule, "", outliers


def _least_rule(field: Field, least: float, centre: float, floor: float) -> FieldRule | None:
    """More of it never spoils a series: only a lower limit is learned, and none where there is one of it."""
    if centre <= 1:
        return None
    low = _rounded(least - floor)
    return FieldRule(
        keyword=field.keyword,
        unit="" if field.unit == "{count}" else field.unit,
        minimum=low,
        major_minimum=None if field.spoils is None else min(low, _rounded((1 - field.spoils) * centre)),
    )


def _coil(members: Sequence[Member]) -> tuple[CoilRule | None, str, list[Outlier]]:
    coils = [(m, coil_of(m[1])) for m in members]
    names = Counter(c.name for _, c in coils if c.name)
    elements = Counter(c.elements for _, c in coils if c.elements)
    families = {family for _, c in coils for family in c.families}
    if not names and not elements:
        return None, "no header says which coil it was", []
    usual = elements.most_common(1)[0] if elements else None
    same = usual is not None and usual[1] == len(coils)
    why = "" if same or usual is None else f"its elements differ ({len(elements)} sets)"
    odd = []
    if len(names) > 1 and len(coils) >= 2 * LEAST:
        first, count = names.most_common(1)[0]
        odd = [
            Outlier(study=m[0], series=m[1].description, field="ReceiveCoilName", found=c.name, usual=first)
            for m, c in coils
            if c.name and names[c.name] == 1 and count >= _PRESENT * len(coils)
        ]
    kept = tuple(sorted(n for n in names if n not in {o.found for o in odd}))
    rule = CoilRule(
        names=kept, families=() if kept else tuple(sorted(families)),
        elements=usual[0] if usual is not None and same else (),
    )  # fmt: skip
    return (rule if rule.names or rule.families or rule.elements else None), why, odd


def _title(members: Sequence[Member]) -> str:
    kind = members[0][2]
    parts = ["" if kind.plane.value == "unknown" else kind.plane.value, kind.weighting.value.replace("_", " ")]
    parts += [{Truth.TRUE: "after contrast", Truth.FALSE: "before contrast"}.get(kind.contrast, "")]
    parts += ["with fat suppression"] if kind.fat_suppressed is Truth.TRUE else []
    parts += [{Truth.TRUE: "3-D", Truth.FALSE: ""}.get(kind.three_d, "")]
    names = Counter(m[1].description.strip() for m in members if m[1].description.strip())
    name = f" ({names.most_common(1)[0][0]})" if names else ""
    return " ".join(part for part in parts if part) + name


def _identifier(title: str, taken: set[str]) -> str:
    plain = "_".join(tokens(re.sub(r"\(.*", "", title).replace("*", " star "))) or "series"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _up(value: float) -> float:
    """Round a tolerance up to three digits, so that rounding shuts out nobody."""
    rounded = float(f"{value:.3g}")
    return rounded if rounded >= value else float(f"{value * 1.005:.3g}")
