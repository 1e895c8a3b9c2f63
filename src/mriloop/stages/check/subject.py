"""What lies in the scanner, seen in the picture: a patient, a phantom, nothing, or not to be told."""

from __future__ import annotations

from dataclasses import replace

from mriloop.imaging.evenness import flat_share
from mriloop.imaging.foreground import regularity, roughness, stripes, structure
from mriloop.model.coding import Subject
from mriloop.model.quality import SeriesKind
from mriloop.stages.check.measures import Sample

NO_STRUCTURE = 0.12
STRIPED = 0.75
SMOOTH_PHANTOM = 0.07
REGULAR_PHANTOM = 0.955
SURE_SMOOTH = 0.03
FLAT_PHANTOM = 0.58
TISSUE_FLAT = 0.50
OUTLINE = 0.9
TISSUE = 0.08
TEXT_SMOOTH = 0.14


def seen(sample: Sample, kind: SeriesKind) -> SeriesKind:
    """Return `kind` with `object` settled by the picture, as far as it can be.

    NONE: no spatial structure beyond smooth shading, or stripes along one axis only (a scan without an object).
    PHANTOM: even inside (spread under 7 % of the signal once shading is off) within the outline of an ellipse or a
    rectangle (Jaccard at least 0.955), or more than 58 % of it one even substance, whatever is built into it, within an
    outline of at least 0.9; or both weaker and a name that says so. PATIENT: uneven like tissue (at least 8 %, and no
    more than half of it one even substance). UNKNOWN otherwise:
    a wrong "phantom" would hide a patient's defects. Nothing is decided for computed
    series.
    """
    if kind.object is Subject.NOT_AN_IMAGE or kind.derived:
        return kind
    if min(sample.values.shape[:2]) < 2 * 16:
        return kind
    amount = structure(sample.values)
    if amount < NO_STRUCTURE:
        return _settle(kind, Subject.NONE, f"no structure beyond noise ({amount:.2f})")
    striped = stripes(sample.values)
    if striped > STRIPED:
        return _settle(kind, Subject.NONE, f"only stripes along one axis ({striped:.2f} of the variance)")
    rough = roughness(sample.values, sample.regions.object)
    shape = regularity(sample.regions.object)
    if rough is None or shape is None:
        return kind
    told = f"evenness {rough:.3f}, outline {shape:.3f}"
    flat = flat_share(sample.values, sample.regions.object) or 0.0
    if flat > FLAT_PHANTOM and shape > OUTLINE:
        return _settle(kind, Subject.PHANTOM, f"{100 * flat:.0f} % of it one even substance ({told})")
    named = kind.object is Subject.PHANTOM
    if (rough < SMOOTH_PHANTOM and shape > REGULAR_PHANTOM) or (rough < SURE_SMOOTH and shape > 0.9):
        return _settle(kind, Subject.PHANTOM, f"even inside a geometric outline ({told})")
    if named and rough < TEXT_SMOOTH:
        return _settle(kind, Subject.PHANTOM, f"{kind.basis.get('object', '')}; {told}")
    if rough >= TISSUE and flat <= TISSUE_FLAT:
        why = f"uneven like tissue ({told})"
        return _settle(
            kind,
            Subject.PATIENT if not named else Subject.UNKNOWN,
            why if not named else f"name says phantom, but {why}",
        )
    return kind if named else _settle(kind, Subject.UNKNOWN, f"neither phantom nor tissue for sure ({told})")


def _settle(kind: SeriesKind, subject: Subject, why: str) -> SeriesKind:
    return replace(kind, object=subject, basis={**kind.basis, "object": why})
