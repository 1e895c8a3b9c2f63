"""A series' parameters as the rules of CHECK read them: words in upper case, numbers, tokens of text, times."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from mriloop.model.study import Component, Frame, Parameter, Point, Series

_SPLIT = re.compile(r"[^a-z0-9+*]+")
_SEAM = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")


class Header:
    """Reads one `Series`. Every accessor answers None or an empty tuple for what the header does not say."""

    def __init__(self, series: Series) -> None:
        self.series = series

    def words(self, keyword: str) -> tuple[str, ...]:
        """Return the values of a text element, stripped, in upper case, without empty ones."""
        found = self.series.parameters.get(keyword)
        return tuple(word for value in _each(found) if (word := str(value).strip().upper()))

    def number(self, keyword: str) -> float | None:
        """Return the first value of a numeric element."""
        for value in _each(self.series.parameters.get(keyword)):
            try:
                number = float(value)
            except ValueError:
                return None
            return number if math.isfinite(number) else None
        return None

    def says(self, keyword: str, *words: str) -> bool:
        """Tell whether any value of the element is one of `words`."""
        return not set(self.words(keyword)).isdisjoint(words)

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """The frames that carry pixels."""
        return tuple(frame for frame in self.series.frames if frame.has_pixels)

    @cached_property
    def image_type(self) -> tuple[str, ...]:
        """ImageType of most frames, else of the series, in upper case, compound values (M_FFE) also split."""
        common = Counter(frame.image_type for frame in self.frames if frame.image_type).most_common(1)
        return tuple(v.strip().upper() for v in common[0][0]) if common else self.words("ImageType")

    @cached_property
    def image_types(self) -> Counter[tuple[str, ...]]:
        """How many frames have each ImageType, in upper case."""
        counts = Counter(frame.image_type for frame in self.frames)
        return Counter({tuple(v.strip().upper() for v in kind): count for kind, count in counts.items()})

    @cached_property
    def component(self) -> Component:
        """The component of most frames."""
        common = Counter(frame.component for frame in self.frames).most_common(1)
        return common[0][0] if common else Component.UNKNOWN

    @cached_property
    def te_ms(self) -> float | None:
        """Shortest echo time in ms: of the frames, else EffectiveEchoTime or EchoTime."""
        return _least(frame.te_ms for frame in self.frames) or self._positive("EffectiveEchoTime", "EchoTime")

    @cached_property
    def te_all_ms(self) -> tuple[float, ...]:
        """Every echo time of the frames in ms, rising."""
        return tuple(sorted({round(f.te_ms, 2) for f in self.frames if f.te_ms}))

    @cached_property
    def tr_ms(self) -> float | None:
        """Repetition time in ms."""
        return self._positive("RepetitionTime")

    @cached_property
    def ti_ms(self) -> float | None:
        """Inversion time in ms; None where it is absent or 0."""
        return _least(frame.ti_ms for frame in self.frames) or self._positive("InversionTime", "InversionTimes")

    @cached_property
    def flip_deg(self) -> float | None:
        """Flip angle in degrees."""
        return _least(frame.flip_deg for frame in self.frames) or self._positive("FlipAngle")

    @cached_property
    def tesla(self) -> float | None:
        """Field strength in T; values above 20 are taken as 10⁻⁴ T, as some old systems write them."""
        field = self._positive("MagneticFieldStrength")
        return None if field is None else field / 1e4 if field > 20 else field

    @cached_property
    def b_values(self) -> tuple[float, ...]:
        """Every b-value of the frames in s/mm², rounded to 5, rising. A b below 20 is one of b0."""
        return tuple(
            sorted({0.0 if f.b_value < 20 else 5 * round(f.b_value / 5) for f in self.frames if f.b_value is not None})
        )

    @cached_property
    def text(self) -> str:
        """Description, protocol and PulseSequence names, as they stand, joined."""
        parts = [self.series.description]
        for keyword in ("ProtocolName", "SequenceName", "PulseSequenceName", "VendorPulseSequence"):
            parts += [str(value) for value in _each(self.series.parameters.get(keyword))]
        return " | ".join(part for part in parts if part)

    @cached_property
    def name_tokens(self) -> tuple[str, ...]:
        """Tokens of description and protocol name alone: lower case, without accents, camel case split."""
        protocol = [str(value) for value in _each(self.series.parameters.get("ProtocolName"))]
        return tokens(" ".join([self.series.description, *protocol]))

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Tokens of `text`."""
        return tokens(self.text)

    @cached_property
    def vendor(self) -> str:
        """One of siemens, ge, philips, canon, uih, hitachi, hyperfine, or empty."""
        name = " ".join(self.words("Manufacturer")).lower()
        for vendor, hints in _VENDORS:
            if any(hint in name for hint in hints):
                return vendor
        return ""

    @cached_property
    def normals(self) -> tuple[Point, ...]:
        """The slice normals that occur (RAS+), opposite ones and ones within 5° of each other counted once."""
        found: list[Point] = []
        seen: set[tuple[Point, Point]] = set()
        for frame in self.frames:
            if frame.row_axis_ras is None or frame.column_axis_ras is None:
                continue
            key = (frame.row_axis_ras, frame.column_axis_ras)
            if key in seen:
                continue
            seen.add(key)
            normal = cross(*key)
            if not any(abs(dot(normal, other)) > 0.9962 for other in found):
                found.append(normal)
        return tuple(found)

    @cached_property
    def began_at_s(self) -> float | None:
        """Earliest acquisition time of the frames, seconds after midnight of the study date."""
        return min((f.acquired_at_s for f in self.frames if f.acquired_at_s is not None), default=None)

    @cached_property
    def ended_at_s(self) -> float | None:
        """Latest acquisition time of the frames, seconds after midnight of the study date."""
        return max((f.acquired_at_s for f in self.frames if f.acquired_at_s is not None), default=None)

    def _positive(self, *keywords: str) -> float | None:
        for keyword in keywords:
            number = self.number(keyword)
            if number is not None and number > 0:
                return number
        return None


_VENDORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("siemens", ("siemens",)),
    ("ge", ("ge medical", "general electric", "ge healthcare")),
    ("philips", ("philips",)),
    ("canon", ("canon", "toshiba")),
    ("uih", ("uih", "united imaging")),
    ("hitachi", ("hitachi", "fujifilm")),
    ("hyperfine", ("hyperfine",)),
)


def tokens(text: str) -> tuple[str, ...]:
    """Split text into lower-case tokens without accents; ß becomes ss; camel case and punctuation separate."""
    plain = unicodedata.normalize("NFKD", _SEAM.sub(" ", text.replace("ß", "ss"))).encode("ascii", "ignore").decode()
    return tuple(token for token in _SPLIT.split(plain.lower()) if token)


def dot(one: Point, two: Point) -> float:
    """Scalar product."""
    return one[0] * two[0] + one[1] * two[1] + one[2] * two[2]


def cross(one: Point, two: Point) -> Point:
    """Vector product."""
    return (
        one[1] * two[2] - one[2] * two[1],
        one[2] * two[0] - one[0] * two[2],
        one[0] * two[1] - one[1] * two[0],
    )


def _each(value: Parameter | None) -> tuple[str | float | int, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None and value > 0), default=None)
