"""The receive coil: which body part it is made for and which of its elements were in use, whatever the vendor writes.

Siemens writes groups of elements in one text, (0051,100F) or (0021,114F): "HC1-7;NC1,2;SP1" is the groups HC1 to HC7 of
the head, NC1 and NC2 of the neck and SP1 of the spine; "C:" or "T:" before it is the coil mode of older scanners.
GE names the coil in (0018,1250) and (0043,1081), "C-" and the maker before it; Philips names it in (0018,1250), where
MULTI COIL says only that there were several; enhanced objects list the elements in use (MultiCoilElementUsed).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mriloop.model.protocol import CoilRule
from mriloop.model.quality import Defect, Evidence, Severity
from mriloop.model.study import Series
from mriloop.stages.check.defects import defect
from mriloop.stages.check.header import Header

_MODE = re.compile(r"^[A-Za-z]:")
_PART = re.compile(r"^([A-Za-z][A-Za-z_]*?)[ _-]?(\d+(?:-\d+)?)?([A-Za-z]?)$")
_RANGE = re.compile(r"^(\d+)(?:-(\d+))?$")
_MOST = 128  # elements of one range: more is no coil
# Groups of elements by the letters before their numbers, and words of coil names. Longest hint first within a family.
_GROUP_FAMILY: dict[str, str] = {
    **dict.fromkeys(("HEA", "HEP", "HE", "HC", "H", "HEAD"), "head"),
    **dict.fromkeys(("NE", "NC", "NEA", "NEP", "N", "NECK"), "neck"),
    **dict.fromkeys(("SP", "SPINE"), "spine"),
    **dict.fromkeys(("BO", "BD", "B", "BL", "BR", "PA", "PL"), "body array"),
    **dict.fromkeys(("KN", "K", "TXK"), "knee"),
    **dict.fromkeys(("FA", "FT", "AN"), "foot"),
    **dict.fromkeys(("SHL", "SHS", "SHO"), "shoulder"),
    **dict.fromkeys(("HW", "WR"), "wrist"),
    **dict.fromkeys(("BC", "BODY"), "body coil"),
    **dict.fromkeys(("FL", "FS", "L", "FLX"), "flex"),
}
_GROUP_FAMILY.update(dict.fromkeys(("BL", "BR"), "breast"))
_NAME_FAMILY: tuple[tuple[str, str], ...] = (
    (r"Q[-_ ]?BODY|WHOLE ?BODY|^BODY(?: ?COIL)?$|^BC$|BODY[-_ ]?TX", "body coil"),
    (r"HEAD|BRAIN|^8HR|^HNS|HNU|HNA|32NOVA|NOVA ?32|SENSE-NV|NEUROVASC", "head"),
    (r"NECK|^NV\b|SENSE-NV|HNS|HNU|NEUROVASC", "neck"),
    (r"SPINE|CTL|^PA\b|TOTAL SPINE", "spine"),
    (r"TORSO|BODY[-_ ]?\d|BODY ?ARRAY|BODYMATRIX|CARDIAC|XL-TORSO|ANTERIOR|^AA\b|ABDOM|PELVI|SENSE-BODY|SENSE-CARD",
     "body array"),
    (r"KNEE", "knee"), (r"FOOT|ANKLE", "foot"), (r"SHOULDER", "shoulder"), (r"WRIST|HAND", "wrist"),
    (r"BREAST|MAMMA", "breast"), (r"FLEX|LOOP|SURFACE", "flex"), (r"ENDO ?RECT|^ERC", "endorectal"),
)  # fmt: skip
_SAYS_NOTHING = frozenset(
    {"MULTI COIL", "MULTI ELEMENT", "SENSE", "MULTICOIL", "OTHER", "UNKNOWN", "NONE", "DEFAULT", "COIL", "N/A"}
)
_SCRAMBLED = re.compile(r"^C(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/_#-]{18,}$")  # GE: a hash in place of the name


@dataclass(frozen=True, slots=True, kw_only=True)
class Coil:
    """What a header says of the receive coil.

    name : as the scanner writes it, empty when it says nothing
    families : body parts that name and elements speak of; empty when none is known
    elements : the elements or groups in use, each with its own number; empty when the header is silent
    """

    name: str = ""
    families: frozenset[str] = frozenset()
    elements: tuple[str, ...] = ()


def parse_elements(text: str) -> tuple[str, ...]:
    """Return the elements that a coil text lists, in its order, each once; () where it is no such list.

    "HC1-3;NC1,2" gives HC1 HC2 HC3 NC1 NC2; letters without numbers and forms like H1P stay as they are.
    """
    found: dict[str, None] = {}
    for chunk in _MODE.sub("", text.strip().strip('"')).split(";"):
        group = ""
        for part in (p.strip() for p in chunk.split(",")):
            if not part:
                continue
            plain = _RANGE.match(part)
            letters = _PART.match(part)
            if plain and group:
                numbers, tail = part, ""
            elif letters and not (letters[2] is None and letters[3]):
                group, numbers, tail = letters[1].upper(), letters[2] or "", letters[3].upper()
            elif letters:
                group, numbers, tail = part.upper(), "", ""
            else:
                found[part.upper()] = None
                continue
            for one in _numbered(numbers):
                found[f"{group}{one}{tail}"] = None
    return tuple(found)


def _numbered(text: str) -> Sequence[str]:
    match = _RANGE.match(text)
    if match is None:
        return (text,)
    first, last = int(match[1]), int(match[2] or match[1])
    return [str(n) for n in range(first, last + 1)] if first <= last < first + _MOST else (text,)


def group_of(element: str) -> str:
    """Return the letters of an element before its number: HC of HC3."""
    match = re.match(r"[A-Z_]+", element)
    return match[0] if match else element


def coil_of(series: Series) -> Coil:
    """Return the receive coil of a series, with empty fields for what its header does not say."""
    header = Header(series)
    plain = [w for w in header.words("ReceiveCoilName") if w not in _SAYS_NOTHING]
    own = [str(v).strip() for v in _values(series, "VendorCoilName") if not _SCRAMBLED.match(str(v).strip())]
    names = plain or [re.sub(r"^C-[A-Z]+_", "", w.upper()) for w in own if w.upper() not in _SAYS_NOTHING]
    listed: dict[str, None] = {}
    for text in _values(series, "VendorCoilElements"):
        listed.update(dict.fromkeys(parse_elements(str(text))))
    if not listed:
        named = (w for w in header.words("MultiCoilElementName") if w not in _SAYS_NOTHING)
        listed.update(dict.fromkeys(sorted(named, key=_in_number_order)))
    families = {f for name in names for f in families_of(name)}
    if not families:
        families = {_GROUP_FAMILY[g] for e in listed if (g := group_of(e)) in _GROUP_FAMILY}
    return Coil(name=" + ".join(names), families=frozenset(families), elements=tuple(listed))


def _in_number_order(element: str) -> tuple[str, int]:
    digits = re.search(r"\d+", element)
    return group_of(element), int(digits[0]) if digits else 0


def families_of(name: str) -> frozenset[str]:
    """Return the body parts that the name of a coil speaks of."""
    text = name.upper().strip()
    return frozenset(family for pattern, family in _NAME_FAMILY if re.search(pattern, text))


def _values(series: Series, keyword: str) -> tuple[str | float, ...]:
    value = series.parameters.get(keyword)
    return () if value is None else value if isinstance(value, tuple) else (value,)


def check_coil(rule: CoilRule, series: Series, title: str) -> list[Defect]:
    """Return what is wrong with the coil of a series, and what its header does not tell.

    Another coil than the protocol's is MAJOR: sensitivity falls off elsewhere and the series cannot serve. A name that
    is not the protocol's, of a coil for the same body part, and elements that are missing or too many are MINOR.
    """
    coil = coil_of(series)
    wanted = " or ".join((*rule.names, *(f"a {family} coil" for family in rule.families)))
    found: list[Defect] = []
    said = coil.name or ";".join(coil.elements)
    if rule.names or rule.families:
        named = any(part.upper() in f"{coil.name} {' '.join(coil.elements)}".upper() for part in rule.names)
        wanted_families = set(rule.families) | {f for name in rule.names for f in families_of(name)}
        if not said or (not named and not coil.families and not (rule.names and coil.name)):
            found.append(_unknown("ReceiveCoilName", said, wanted, title))
        elif not named and coil.families and wanted_families and not wanted_families & coil.families:
            found.append(_wrong(said, wanted, Severity.MAJOR, title))
        elif not named and not (rule.families and wanted_families & coil.families):
            found.append(_wrong(said, wanted, Severity.MINOR, title))
    if rule.elements and not any(d.severity is Severity.MAJOR for d in found):
        found += _elements(rule, coil, title)
    return found


def _elements(rule: CoilRule, coil: Coil, title: str) -> list[Defect]:
    wanted = tuple(element.upper() for text in rule.elements for element in (parse_elements(text) or (text,)))
    if not coil.elements:
        return [_unknown("coil elements", "", " ".join(wanted), title)]
    used = set(coil.elements)
    missing = [e for e in wanted if e not in used]
    extra = [e for e in coil.elements if e not in wanted]
    evidence = Evidence(name="coil_elements", value=" ".join(coil.elements), unit="", limit=" ".join(wanted))
    found = []
    if missing:
        found.append(
            defect(
                "coil_elements_missing",
                Severity.MINOR,
                f"{_named(missing)} was not selected; {title} uses {' '.join(wanted)}.",
                evidence,
                action=f"Reconnect or select {_named(missing)}; repeat if the picture is dark there.",
            )
        )
    if extra and rule.extra_matter:
        found.append(
            defect(
                "coil_elements_extra",
                Severity.MINOR if not missing else Severity.INFO,
                f"{_named(extra)} was selected besides; {title} uses {' '.join(wanted)}.",
                evidence,
            )
        )
    return found


def _named(elements: Sequence[str]) -> str:
    families = sorted({_GROUP_FAMILY[g] for e in elements if (g := group_of(e)) in _GROUP_FAMILY})
    what = f"{families[0]} coil element group" if len(families) == 1 else "coil element group"
    return f"{what}{'s' if len(elements) > 1 else ''} {' '.join(elements)}"


def _wrong(said: str, wanted: str, severity: Severity, title: str) -> Defect:
    evidence = Evidence(name="ReceiveCoilName", value=said, unit="", limit=wanted)
    action = None
    if severity is Severity.MINOR:
        action = "Select the protocol's coil where it is there; repeat only if signal or coverage suffer."
    return defect("wrong_coil", severity, f"The coil is {said}; {title} asks for {wanted}.", evidence, action=action)


def _unknown(what: str, said: str, wanted: str, title: str) -> Defect:
    tail = f" (only {said})" if said else ""
    return defect(
        "protocol_unknown",
        Severity.INFO,
        f"The header does not tell the {'coil' if what == 'ReceiveCoilName' else what}{tail}, so {title} cannot be "
        f"checked for it (wanted: {wanted}).",
        Evidence(name=what, value="unknown", unit="", limit=wanted),
    )
