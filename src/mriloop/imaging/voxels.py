"""scipy.ndimage under a name that a type checker can follow: scipy fills that module at run time."""

from __future__ import annotations

import importlib
from typing import Any

ndimage: Any = importlib.import_module("scipy.ndimage")
