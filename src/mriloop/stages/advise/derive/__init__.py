"""Derived facts: what can be computed from what somebody stated, each a small named function with its own tests."""

from collections.abc import Mapping

from mriloop.stages.advise.derive import (
    body,
    examination,
    infection,
    multiple_sclerosis,
    neuro,
    oncology,
    order,
    patient,
    pelvis,
    pituitary,
    repeats,
    result,
    spine,
)
from mriloop.stages.advise.derive.common import Derivation

_FIELDS = (
    patient,
    examination,
    infection,
    pituitary,
    multiple_sclerosis,
    neuro,
    order,
    result,
    spine,
    body,
    oncology,
    pelvis,
    repeats,
)
DERIVATIONS: Mapping[str, Derivation] = {name: each for field in _FIELDS for name, each in field.DERIVATIONS.items()}
