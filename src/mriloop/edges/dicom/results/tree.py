"""Content items of structured reports (PS3.3 C.17.3): the few value types that measurement reports need."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset

from mriloop.edges.dicom.results.objects import coded, decimals
from mriloop.model.coding import Code

CONTAINS = "CONTAINS"
CONTEXT = "HAS OBS CONTEXT"
MODIFIER = "HAS CONCEPT MOD"


def _item(relation: str, value_type: str, name: Code, children: Iterable[Dataset] = ()) -> Dataset:
    item = Dataset()
    if relation:
        item.RelationshipType = relation
    item.ValueType = value_type
    item.ConceptNameCodeSequence = [coded(name)]
    below = list(children)
    if below:
        item.ContentSequence = below
    return item


def container(name: Code, children: Iterable[Dataset], *, template: str = "", relation: str = CONTAINS) -> Dataset:
    """Return a container. `template` is the number of its template in PS3.16."""
    item = _item(relation, "CONTAINER", name, children)
    item.ContinuityOfContent = "SEPARATE"
    if template:
        identified = Dataset()
        identified.MappingResource, identified.TemplateIdentifier = "DCMR", template
        item.ContentTemplateSequence = [identified]
    return item


def code(relation: str, name: Code, value: Code, children: Iterable[Dataset] = ()) -> Dataset:
    """Return a coded answer to a coded question."""
    item = _item(relation, "CODE", name, children)
    item.ConceptCodeSequence = [coded(value)]
    return item


def text(relation: str, name: Code, value: str) -> Dataset:
    """Return a text."""
    item = _item(relation, "TEXT", name)
    item.TextValue = value
    return item


def uid_reference(relation: str, name: Code, value: str) -> Dataset:
    """Return a UID."""
    item = _item(relation, "UIDREF", name)
    item.UID = value
    return item


def person(relation: str, name: Code, value: str) -> Dataset:
    """Return the name of a person."""
    item = _item(relation, "PNAME", name)
    item.PersonName = value
    return item


def date(relation: str, name: Code, value: str) -> Dataset:
    """Return a date, YYYYMMDD."""
    item = _item(relation, "DATE", name)
    item.Date = value
    return item


def number(
    name: Code, value: float, unit: Code, children: Iterable[Dataset] = (), *, relation: str = CONTAINS
) -> Dataset:
    """Return a measured number with its unit."""
    item = _item(relation, "NUM", name, children)
    measured = Dataset()
    measured.NumericValue = decimals([round(value, 6)])[0]
    measured.MeasurementUnitsCodeSequence = [coded(unit)]
    item.MeasuredValueSequence = [measured]
    return item


def image(relation: str, name: Code | None, reference: Dataset) -> Dataset:
    """Return a reference to an image, a frame or a segment."""
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, "IMAGE"
    if name is not None:
        item.ConceptNameCodeSequence = [coded(name)]
    item.ReferencedSOPSequence = [reference]
    return item
