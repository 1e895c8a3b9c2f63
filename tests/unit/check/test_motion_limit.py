"""The limit beyond which a volume counts as moved goes with the trace, so that a figure draws the real one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from mriloop.model.coding import Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Series, SeriesObject
from mriloop.model.volume import Volume
from mriloop.stages.check.motion import motion_of


@pytest.mark.parametrize(("voxel", "limit"), [((2.0, 2.0, 2.0), 0.5), ((4.0, 4.0, 4.0), 0.8), ((6.0, 6.0, 6.0), 1.0)])
def test_the_trace_carries_a_fifth_of_a_large_voxel_between_half_and_one_millimetre(voxel, limit):
    x, y, z = np.mgrid[-1:1:32j, -1:1:32j, -1:1:12j]
    texture = gaussian_filter(np.random.default_rng(4).standard_normal(x.shape), 1.5)
    one = np.where(x**2 + y**2 + z**2 < 0.7, 100 + 150 * texture, 0.0).astype(np.float32)
    data = np.stack([one, shift(one, (0.3, 0, 0), order=1), one], axis=3)
    series = Series(series_instance_uid="1", study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE)
    volume = Volume(data=data, affine=np.diag([*voxel, 1.0]), series_instance_uid="1")
    moved = motion_of(series, (volume,), SeriesKind(weighting=Weighting.BOLD))
    assert moved.trace is not None
    assert moved.trace.limit_mm == pytest.approx(limit)
