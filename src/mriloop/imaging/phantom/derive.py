"""What a scanner computes from what it measured: diffusion maps, and water and fat from two echoes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mriloop.imaging.phantom.acquire import Acquired

Field = npt.NDArray[Any]


def adc_map(acquired: Acquired) -> Field:
    """Return the apparent diffusion coefficient (i, j, k) in 10⁻⁶ mm²/s: log-linear least squares over all b-values.

    Voxels below six standard deviations of the noise at the lowest b-value are 0.
    """
    b = np.array(acquired.prescription.b_values, dtype=np.float32)
    logs = np.log(np.maximum(acquired.data, 1e-9))
    slope = np.tensordot(logs, (b - b.mean()) / np.sum((b - b.mean()) ** 2), axes=(3, 0))
    lowest = acquired.data[..., int(np.argmin(b))]
    floor = max(6 * acquired.noise_sigma, 0.02 * float(lowest.max()))
    return np.asarray(np.where(lowest > floor, np.clip(-1e6 * slope, 0, 4095), 0), dtype=np.float32)


def water_fat(acquired: Acquired) -> tuple[Field, Field]:
    """Return (water, fat) magnitude images (i, j, k) of a two-point Dixon (opposed phase first).

    The magnitude method: water = (in + opposed)/2, fat = (in − opposed)/2. Where fat prevails the two change places.
    """
    opposed, together = acquired.data[..., 0], acquired.data[..., 1]
    return (together + opposed) / 2, np.abs(together - opposed) / 2
