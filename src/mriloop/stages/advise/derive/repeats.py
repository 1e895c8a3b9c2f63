"""Facts about repeats that follow from others: motion against the size of the voxel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation


def _displacement_in_voxels(ask: Ask, as_of: date) -> FactValue:
    """Mean displacement over the finest voxel size: what blurs depends on both."""
    moved, voxel = ask("mean_displacement"), ask("voxel_size")
    if not isinstance(moved, Quantity) or not isinstance(voxel, Quantity) or voxel.to("mm").value <= 0:
        return UNKNOWN
    return Quantity(value=moved.to("mm").value / voxel.to("mm").value, unit="{index}")


DERIVATIONS: Mapping[str, Derivation] = {"displacement_in_voxels": _displacement_in_voxels}
