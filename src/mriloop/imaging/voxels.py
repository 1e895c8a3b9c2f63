"""scipy and SimpleITK under names that a type checker can follow: both fill their modules at run time."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

ndimage: Any = importlib.import_module("scipy.ndimage")


def simpleitk() -> Any:
    """Return the module SimpleITK, loaded at the first call (0.3 s)."""
    return importlib.import_module("SimpleITK")


def nonnegative_fit(table: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the non-negative x (n,) that brings `table` (m, n) @ x nearest to `target` (m,)."""
    return np.asarray(importlib.import_module("scipy.optimize").nnls(table, target)[0], dtype=np.float64)
