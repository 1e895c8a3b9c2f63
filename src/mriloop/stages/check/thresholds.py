"""Which limits hold for a series: the shipped ones, replaced where a norm names its circumstances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from itertools import combinations

from mriloop.model.norm import Circumstances, Norm, When
from mriloop.model.quality import Defect, Evidence, SeriesKind, Severity
from mriloop.model.quantity import Measure, Quantity
from mriloop.model.study import Series
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.header import Header
from mriloop.stages.check.limits import SHIPPED, SPECS, Limits

ORDERED = (
    ("spoilt_minor", "spoilt_major"),
    ("snr_major", "snr_minor"),
    ("still_major", "still_minor"),
    ("baseline_info_z", "baseline_minor_z"),
)


def circumstances_of(
    series: Series, kind: SeriesKind, protocol: str | None = None, indication: str = ""
) -> Circumstances:
    """Return what the norms may ask about a series. `protocol` is the id of the one that the study is held against."""
    header = Header(series)
    return Circumstances(
        region=kind.region,
        weighting=kind.weighting,
        protocol=protocol or "",
        indication=indication.strip().lower(),
        manufacturer=" ".join(header.words("Manufacturer")),
        field_t=header.number("MagneticFieldStrength"),
    )


def limits_for(norms: Sequence[Norm], about: Circumstances) -> Limits:
    """Return the limits for a series of these circumstances.

    Of the norms for one limit whose conditions all hold, the site's wins over a shipped one, then the one that states
    more conditions, then the one that lets less pass. What is unknown of a series fulfils no condition.
    """
    chosen: dict[str, Norm] = {}
    for norm in norms:
        if not holds(norm.when, about):
            continue
        held = chosen.get(norm.limit)
        if held is None or _rank(norm) > _rank(held):
            chosen[norm.limit] = norm
    if not chosen:
        return SHIPPED
    whose = {name: f"{norm.place}: {norm.because}" for name, norm in chosen.items()}
    values = {name: norm.value for name, norm in chosen.items()}
    return replace(SHIPPED, whose=whose, **values)


def holds(when: When, about: Circumstances) -> bool:
    """Tell whether all stated conditions are known to hold."""
    if when.regions and about.region not in when.regions:
        return False
    if when.weightings and about.weighting not in when.weightings:
        return False
    if when.protocols and about.protocol not in when.protocols:
        return False
    if when.indications and about.indication not in when.indications:
        return False
    if when.manufacturers and not any(word in about.manufacturer for word in when.manufacturers):
        return False
    if when.field_t is None:
        return True
    return about.field_t is not None and when.field_t[0] <= about.field_t <= when.field_t[1]


def faults_in(norms: Iterable[Norm], protocols: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Return what is wrong with norms, as (place, text): the lint of `mriloop norms lint`.

    A limit that does not exist, a value outside its range, a protocol that does not exist, two norms of one origin of
    which neither is more special and that ask for different values of the same series, and a limit for major faults
    that would stand before the one for minor faults.
    """
    known = set(protocols)
    listed = list(norms)
    found: list[tuple[str, str]] = []
    for norm in listed:
        spec = SPECS.get(norm.limit)
        if spec is None:
            found.append((norm.place, f"no limit is called {norm.limit}; known are {', '.join(SPECS)}"))
            continue
        if not spec.least <= norm.value <= spec.most:
            found.append((norm.place, f"{norm.limit} must lie between {spec.least:g} and {spec.most:g} {spec.unit}"))
        found += [
            (norm.place, f"no protocol is called {name}") for name in norm.when.protocols if known and name not in known
        ]
    usable = [norm for norm in listed if norm.limit in SPECS]
    for one, other in combinations(usable, 2):
        same = one.limit == other.limit and one.site == other.site and one.value != other.value
        if same and one.when.stated == other.when.stated and _overlap(one.when, other.when):
            found.append((other.place, f"{other.limit} is also set by {one.place}, and neither is more special"))
    for low, high in ORDERED:
        for norm in usable:
            if norm.limit not in (low, high):
                continue
            beside = [n for n in usable if n.limit in (low, high) and n.limit != norm.limit and _within(norm, n)]
            values = {low: getattr(SHIPPED, low), high: getattr(SHIPPED, high)}
            values |= {n.limit: n.value for n in sorted(beside, key=_rank)}
            values[norm.limit] = norm.value
            if values[low] > values[high]:
                found.append((norm.place, f"{low} ({values[low]:g}) must not lie above {high} ({values[high]:g})"))
    return found


def loosened_defects(limits: Limits, measures: dict[str, Measure]) -> list[Defect]:
    """Say, as information, by which norms a series is judged less strictly than by the shipped limits.

    Only limits of measures that were taken of it are named, so that nobody reads about what did not matter.
    """
    taken = {name for name, measure in measures.items() if isinstance(measure, Quantity)}
    eased = {
        name: pair
        for name, pair in limits.loosened().items()
        if not SPECS[name].judges or taken & {*SPECS[name].judges}
    }
    if not eased:
        return []
    evidence: list[Evidence] = []
    for name, (mine, shipped) in eased.items():
        evidence.append(number(name, mine, SPECS[name].unit, shipped))
        evidence.append(Evidence(name=f"{name}_by", value=limits.whose.get(name, ""), unit=""))
    told = ", ".join(f"{name} {mine:g} instead of {shipped:g}" for name, (mine, shipped) in eased.items())
    return [
        defect("limit_loosened", Severity.INFO, f"Judged by looser limits than the shipped ones: {told}.", *evidence)
    ]


def _rank(norm: Norm) -> tuple[bool, int, float]:
    strict = -norm.value if SPECS[norm.limit].looser == "higher" else norm.value
    return norm.site, norm.when.stated, strict


def _overlap(one: When, other: When) -> bool:
    """Tell whether one series could fulfil both: on every condition that both state, they share a value."""
    for each in fields(When):
        mine, its = getattr(one, each.name), getattr(other, each.name)
        if not mine or not its:
            continue
        if each.name == "field_t":
            if mine[1] < its[0] or its[1] < mine[0]:
                return False
        elif not set(mine) & set(its):
            return False
    return True


def _within(norm: Norm, other: Norm) -> bool:
    """Tell whether `other` holds wherever `norm` does, and does not give way to a shipped or more general one."""
    for each in fields(When):
        mine, its = getattr(norm.when, each.name), getattr(other.when, each.name)
        if its and (not mine or (each.name != "field_t" and not set(mine) <= set(its))):
            return False
        if its and each.name == "field_t" and not (its[0] <= mine[0] and mine[1] <= its[1]):
            return False
    return True
