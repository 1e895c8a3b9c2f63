"""The sites and ranges of RAMRIS 2016: the score of rheumatoid arthritis on MRI of wrist and MCP joints 2 to 5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_CARPALS = ("scaphoid", "lunate", "triquetrum", "pisiform", "trapezium", "trapezoid", "capitate", "hamate")
_WRIST_BONES = ("radius", "ulna", *_CARPALS, *(f"mc{number}_base" for number in range(1, 6)))
_MCP_BONES = (*(f"mc{number}_head" for number in range(2, 6)), *(f"pp{number}_base" for number in range(2, 6)))
_MCP = tuple(f"mcp{number}" for number in range(2, 6))
_NARROW = (
    "radius_scaphoid", "radius_lunate",
    "scaphoid_trapezium", "scaphoid_trapezoid", "scaphoid_capitate", "scaphoid_lunate", "lunate_capitate",
    "lunate_triquetrum", "triquetrum_hamate", "capitate_hamate", "trapezium_trapezoid", "trapezoid_capitate",
    "trapezium_mc1", "trapezoid_mc2", "capitate_mc3", "hamate_mc4", "hamate_mc5",
)  # fmt: skip
_SHEATHS = (*(f"extensor{number}" for number in range(1, 7)), *(f"flexor{number}" for number in range(1, 4)))


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: what it is called, its sites in wrist and MCP joints, and the highest score of a site."""

    words: str
    wrist: tuple[str, ...]
    mcp: tuple[str, ...]
    most: int

    @property
    def sites(self) -> tuple[str, ...]:
        """All sites, wrist first."""
        return (*self.wrist, *self.mcp)


FEATURES: Mapping[str, Feature] = {
    "erosion": Feature("erosion", _WRIST_BONES, _MCP_BONES, 10),
    "osteitis": Feature("osteitis (bone marrow oedema)", _WRIST_BONES, _MCP_BONES, 3),
    "synovitis": Feature("synovitis", ("radioulnar", "radiocarpal", "intercarpal"), _MCP, 3),
    "narrowing": Feature("joint space narrowing", _NARROW, _MCP, 4),
    "tenosynovitis": Feature("tenosynovitis", _SHEATHS, _MCP, 3),
}


def misfit(feature: str, site: str, score: float) -> str:
    """Return why a score cannot be entered, empty when it can: unknown feature or site, or beyond its range."""
    known = FEATURES.get(feature)
    if known is None:
        return f"no feature of RAMRIS; known are {', '.join(FEATURES)}"
    if site not in known.sites:
        return f"no site of {feature}; known are {', '.join(known.sites)}"
    if not 0 <= score <= known.most or (score != int(score)):
        return f"a whole number from 0 to {known.most} is needed, not {score:g}"
    return ""
