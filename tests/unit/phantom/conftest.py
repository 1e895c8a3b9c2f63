"""A body simple enough for closed forms: one ball of white matter, with fluid inside, in air."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.phantom import Anatomy, Visit
from mriloop.imaging.phantom.anatomy import furnish
from mriloop.imaging.phantom.head import Map
from mriloop.imaging.phantom.shapes import Canvas
from mriloop.imaging.phantom.tissues import Tissue
from mriloop.model.coding import Region

LOW = (-56.0, -56.0, -40.0)


def ball_map(center: tuple[float, float, float] = (6.0, -4.0, 0.0), radius: float = 30.0) -> Map:
    """Return a ball of white matter about `center`, off the isocentre so that flips and shifts show."""
    axes = [np.arange(lo, -lo + 1, dtype=np.float32) for lo in LOW]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    canvas = Canvas(x=x, y=y, z=z, pitch=1.0, origin=LOW)
    canvas.ball(Tissue.WHITE_MATTER, center, (radius, radius, radius))
    canvas.ball(Tissue.VENTRICULAR_CSF, (center[0] - 12, center[1], center[2]), (6, 6, 6))
    texture = np.ones_like(canvas.share)
    return Map(under=canvas.under, over=canvas.over, share=canvas.share, texture=texture, origin=LOW, pitch=1.0)


@pytest.fixture(scope="session")
def ball() -> Anatomy:
    """The ball as it lies on a visit without lesions."""
    return furnish(ball_map(), Visit(), region=Region.FOOT, reference=Tissue.WHITE_MATTER)
