"""How alike two series are: what forbids to compare them, and every difference that does not, in words by weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mriloop.model.coding import Laterality, Plane, Region, Weighting
from mriloop.model.difference import Difference
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesCheck, SeriesKind, Verdict
from mriloop.model.study import Series

SAME = "same protocol as far as the headers say"
UNSTATED = "nothing names the scanner: only what the pictures are was compared"
SPOILT = frozenset({Verdict.REPEAT, Verdict.NOT_ASSESSABLE})
_HEAD = frozenset({Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK})
_SPINE = frozenset({Region.SPINE, Region.CERVICAL_SPINE, Region.THORACIC_SPINE, Region.LUMBAR_SPINE})
_TRUNK = frozenset({Region.ABDOMEN, Region.LIVER, Region.KIDNEY, Region.PANCREAS})
_BASIN = frozenset({Region.PELVIS, Region.PROSTATE, Region.UTERUS})
_PAIRED = frozenset(
    {Region.SHOULDER, Region.ELBOW, Region.WRIST, Region.HAND, Region.HIP, Region.KNEE, Region.ANKLE, Region.FOOT,
     Region.EXTREMITY, Region.BREAST}
)  # fmt: skip
_BY_B_VALUE = frozenset({Weighting.DWI, Weighting.TRACE})
_BY_ECHO = frozenset({Weighting.T2_STAR, Weighting.SWI})
_SIDES = {"L": Laterality.LEFT, "R": Laterality.RIGHT, "B": Laterality.BILATERAL}
_LEFT = frozenset({"left", "lt", "li", "links", "gauche", "izq", "izquierda", "sinistra", "sin"})
_RIGHT = frozenset({"right", "rt", "re", "rechts", "droite", "der", "derecha", "destra", "dex"})
_HIDDEN = frozenset({"", "0", "000000", "anon", "anonymous", "anonymized", "anonymised", "unknown", "none", "removed"})
# A later phase of contrast agent within this of an earlier visit's is the same phase: half the gap of liver phases.
_SAME_PHASE_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One series of a visit with all that matching asks of it.

    `since_agent_s` is its start after that of the visit's first series with contrast agent, None where unknown.
    """

    series: Series
    kind: SeriesKind
    check: SeriesCheck | None = None
    since_agent_s: float | None = None

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return self.series.series_instance_uid

    @property
    def spoilt(self) -> bool:
        """Whether CHECK says that it must be repeated, or cannot say anything."""
        return self.check is not None and self.check.verdict in SPOILT


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How alike two series are.

    obstacle : why lesions must not be compared between them; empty where they may
    nearness : how far the two got before the obstacle, to name the nearest; 10 without one
    score : higher is more alike; below 10 for every difference
    differences, words : what differs, the weightiest first; the words are of the pair (today, prior) as given
    """

    obstacle: str = ""
    nearness: float = 10.0
    score: float = 0.0
    differences: tuple[Difference, ...] = ()
    words: tuple[str, ...] = ()


def likeness(today: Side, prior: Side) -> Likeness:
    """Hold two series against each other. Exchanging the two changes the words alone."""
    for nearness, (difference, obstacle) in enumerate(_obstacles(today, prior)):
        if obstacle:
            return Likeness(obstacle=obstacle, nearness=float(nearness), differences=(difference,))
    found = sorted(_differences(today, prior), key=lambda one: -one[0])
    score = 10.0 - sum(weight for weight, _, _ in found)
    if named(today.series) and named(today.series) == named(prior.series):
        score += 0.5
    words = tuple(word for _, _, word in found)
    if not any(difference is not Difference.UNSTATED for _, difference, _ in found):
        words = words or (SAME,)
    return Likeness(
        score=score,
        differences=tuple(dict.fromkeys(difference for _, difference, _ in found)),
        words=words,
    )


def _obstacles(today: Side, prior: Side) -> Iterator[tuple[Difference, str]]:
    """Yield every test in order, with the obstacle it found or an empty text."""
    one, two = today.kind, prior.kind
    yield (
        Difference.WEIGHTING,
        (
            ""
            if one.weighting is two.weighting
            else f"{one.weighting.value} and {two.weighting.value} show other things"
        ),
    )
    yield (
        Difference.REGION,
        (
            ""
            if same_region(one.region, two.region)
            else f"{_said(one.region.value)} today, {_said(two.region.value)} in the prior"
        ),
    )
    left, right = laterality(today.series, one.region), laterality(prior.series, two.region)
    yield (
        Difference.SIDE,
        (
            f"{left.value} side today, {right.value} side in the prior"
            if {left, right} == {Laterality.LEFT, Laterality.RIGHT}
            else ""
        ),
    )
    yield (
        Difference.CONTRAST,
        (
            f"{_phase(one)} today, {_phase(two)} in the prior"
            if {one.contrast, two.contrast} == {Truth.TRUE, Truth.FALSE}
            else ""
        ),
    )
    yield Difference.B_VALUE, _other_b(today, prior) if one.weighting in _BY_B_VALUE else ""
    yield Difference.TIMING, _other_echo(today, prior) if one.weighting in _BY_ECHO else ""
    planes = {one.plane, two.plane}
    crossed = len(planes) > 1 and not one.three_d is two.three_d is Truth.TRUE
    yield (
        Difference.PLANE,
        (
            f"{one.plane.value} slices today, {two.plane.value} in the prior"
            if crossed and not planes & {Plane.UNKNOWN, Plane.OBLIQUE, Plane.MIXED}
            else ""
        ),
    )


def _other_b(today: Side, prior: Side) -> str:
    b, c = b_value(today.series), b_value(prior.series)
    if b is None or c is None or abs(b - c) <= max(50.0, 0.1 * max(b, c)):
        return ""
    return f"b={b:.0f} s/mm2 today, b={c:.0f} in the prior"


def _other_echo(today: Side, prior: Side) -> str:
    """Signal with T2* falls so fast that an echo twice as late is another picture."""
    a, b = echo_ms(today.series), echo_ms(prior.series)
    if a is None or b is None or max(a, b) <= 2.0 * min(a, b):
        return ""
    return f"echo at {a:g} ms today, {b:g} ms in the prior"


def _differences(today: Side, prior: Side) -> Iterator[tuple[float, Difference, str]]:
    """Yield (weight, what differs, words). Weights only order: what changes the picture more weighs more."""
    one, two = today.kind, prior.kind
    if one.plane is not two.plane:
        yield 3.0, Difference.PLANE, f"{one.plane.value} today, {two.plane.value} in the prior"
    if one.three_d is not two.three_d and Truth.UNKNOWN not in (one.three_d, two.three_d):
        yield 2.0, Difference.DIMENSION, _which(one.three_d is Truth.TRUE, "3-D today, 2-D", "2-D today, 3-D")
    if one.contrast is not two.contrast:
        yield 2.0, Difference.CONTRAST, f"{_phase(one)} today, {_phase(two)} in the prior"
    if {one.fat_suppressed, two.fat_suppressed} == {Truth.TRUE, Truth.FALSE}:
        yield 1.5, Difference.FAT_SUPPRESSION, "fat suppressed on one visit only"
    yield from _scanners(today.series, prior.series)
    yield from _phases(today, prior)
    yield from _grids(today.series, prior.series)
    if one.derived != two.derived:
        word = _which(one.derived, "a derived picture today, an original", "an original today, a derived picture")
        yield 0.8, Difference.DERIVED, word
    for keyword, short, value in (
        ("EchoTime", "TE", echo_ms),
        ("RepetitionTime", "TR", None),
        ("InversionTime", "TI", None),
    ):
        a, b = (value(s) if value else stated(s, keyword) for s in (today.series, prior.series))
        if a is not None and b is not None and abs(a - b) > 0.1 * max(abs(a), abs(b)):
            yield 0.3, Difference.TIMING, f"{short} {a:g} today, {b:g} in the prior"
    for side, visit in ((today, "today"), (prior, "in the prior")):
        if side.spoilt and side.check is not None:
            said = side.check.verdict.value.replace("_", " ")
            yield 20.0, Difference.SPOILT, f"CHECK says of the series {visit}: {said}"


def _scanners(first: Series, second: Series) -> Iterator[tuple[float, Difference, str]]:
    known = False
    for weight, keyword, label in (
        (1.2, "Manufacturer", "maker"),
        (1.1, "ManufacturerModelName", "scanner"),
        (1.1, "DeviceSerialNumber", "device"),
    ):
        mine, theirs = _text(first, keyword), _text(second, keyword)
        known = known or bool(mine and theirs)
        if mine and theirs and mine != theirs:
            yield weight, Difference.SCANNER, f"another {label}"
            break
    if not known:
        yield 0.0, Difference.UNSTATED, UNSTATED
    a, b = tesla(first), tesla(second)
    if a is not None and b is not None and abs(a - b) > 0.1 * max(a, b):
        yield 1.05, Difference.FIELD_STRENGTH, f"field strength {a:g} T today, {b:g} T in the prior"
    mine, theirs = _text(first, "SoftwareVersions"), _text(second, "SoftwareVersions")
    if mine and theirs and mine != theirs:
        yield 0.2, Difference.SOFTWARE, "another software version of the scanner"


def _grids(first: Series, second: Series) -> Iterator[tuple[float, Difference, str]]:
    for measure, text in ((thickness_mm, "mm thick"), (step_mm, "mm apart")):
        a, b = measure(first), measure(second)
        if a is not None and b is not None:
            if abs(a - b) > max(0.1, 0.1 * max(a, b)):
                yield 1.0, Difference.THICKNESS, f"slices {a:.3g} {text} today, {b:.3g} mm in the prior"
            break
    a, b = pixel_mm(first), pixel_mm(second)
    if a is not None and b is not None and abs(a - b) > 0.2 * max(a, b):
        yield 0.4, Difference.PIXELS, f"pixels of {a:.2g} mm today, {b:.2g} mm in the prior"


def _phases(today: Side, prior: Side) -> Iterator[tuple[float, Difference, str]]:
    a, b = today.since_agent_s, prior.since_agent_s
    if a is None or b is None or not today.kind.contrast is prior.kind.contrast is Truth.TRUE:
        return
    apart = abs(a - b)
    if apart > _SAME_PHASE_S:
        word = f"{a:.0f} s after the visit's first series with contrast agent today, {b:.0f} s in the prior"
        yield min(1.8, 0.5 + apart / 300.0), Difference.PHASE, word


def same_region(first: Region, second: Region) -> bool:
    """Return whether two regions can hold the same anatomy; an unknown region does not contradict any."""
    if {Region.UNKNOWN, Region.WHOLE_BODY} & {first, second} or first is second:
        return True
    both = {first, second}
    whole = both & {Region.SPINE, Region.ABDOMEN, Region.PELVIS}
    return both <= _HEAD or (bool(whole) and any(both <= group for group in (_SPINE, _TRUNK, _BASIN)))


def laterality(series: Series, region: Region) -> Laterality:
    """Return the side that a series shows: by element, else by a word of its description; only where there are two."""
    if region not in _PAIRED:
        return Laterality.UNKNOWN
    for keyword in ("ImageLaterality", "Laterality"):
        said = _SIDES.get(str(series.parameters.get(keyword) or "").strip().upper()[:1])
        if said is not None:
            return said
    words = set(series.description.lower().replace("_", " ").replace("-", " ").replace(".", " ").split())
    left, right = bool(words & _LEFT), bool(words & _RIGHT)
    if left and right:
        return Laterality.BILATERAL
    return Laterality.LEFT if left else Laterality.RIGHT if right else Laterality.UNKNOWN


def b_value(series: Series) -> float | None:
    """Return the highest b-value of a series in s/mm2, None when it names none."""
    values = [frame.b_value for frame in series.frames if frame.b_value is not None]
    return max(values) if values else None


def echo_ms(series: Series) -> float | None:
    """Return the shortest echo time in ms, None when nothing states it."""
    values = [frame.te_ms for frame in series.frames if frame.te_ms]
    return min(values) if values else stated(series, "EchoTime")


def thickness_mm(series: Series) -> float | None:
    """Return the slice thickness that the header states, None when it does not."""
    said = next((f.thickness_mm for f in series.frames if f.thickness_mm is not None), None)
    return said if said is not None else stated(series, "SliceThickness")


def step_mm(series: Series) -> float | None:
    """Return the distance between neighbouring slices by their positions, None where these do not tell."""
    first = next((f for f in series.frames if f.row_axis_ras and f.column_axis_ras), None)
    if first is None or first.row_axis_ras is None or first.column_axis_ras is None:
        return None
    normal = np.cross(first.row_axis_ras, first.column_axis_ras)
    places = {round(float(np.dot(normal, f.position_ras_mm)), 2) for f in series.frames if f.position_ras_mm}
    if len(places) < 2:
        return None
    return float(np.median(np.diff(sorted(places))))


def pixel_mm(series: Series) -> float | None:
    """Return the size of a pixel in its plane, the larger of the two sides."""
    return next((max(f.spacing_mm) for f in series.frames if f.spacing_mm is not None), None)


def tesla(series: Series) -> float | None:
    """Return the field strength in T; values above 20 are 10⁻⁴ T, as some old systems write them."""
    value = stated(series, "MagneticFieldStrength")
    return None if value is None else value / 1e4 if value > 20 else value


def stated(series: Series, keyword: str) -> float | None:
    """Return a positive number of the header, None where it states none."""
    value = series.parameters.get(keyword)
    return float(value) if isinstance(value, int | float) and value > 0 else None


def named(series: Series) -> str:
    """Return the description as it is compared: lower case, without digits and without what names the visit."""
    words = "".join(" " if not c.isalpha() else c for c in series.description.lower()).split()
    return " ".join(w for w in words if w not in ("study", "visit", "ses", "sub", "session", "baseline", "followup"))


def _text(series: Series, keyword: str) -> str:
    value = series.parameters.get(keyword)
    said = " ".join(map(str, value)) if isinstance(value, tuple) else str(value or "")
    plain = " ".join(said.lower().split())
    return "" if plain in _HIDDEN else plain


def _which(first: bool, yes: str, no: str) -> str:
    return f"{yes if first else no} in the prior"


def _said(word: str) -> str:
    return word.replace("_", " ")


def _phase(kind: SeriesKind) -> str:
    return {
        Truth.TRUE: "after contrast agent",
        Truth.FALSE: "without contrast agent",
        Truth.UNKNOWN: "contrast agent unknown",
    }[kind.contrast]
