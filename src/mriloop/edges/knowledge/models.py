"""Reads the weights of learned models: plain arrays in .npz, never a pickle, each known by its digest."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

import numpy as np

from mriloop.imaging import change_score, motion_model
from mriloop.imaging.change_score import ChangeScore
from mriloop.imaging.motion_model import MotionModel
from mriloop.model.errors import refuse

FOLDER = "models"
MOTION = "motion_mm.npz"
CHANGE = "lesion_change.npz"
MOST_BYTES = 5_000_000
_Model = TypeVar("_Model")


@cache
def load_motion_model() -> MotionModel:
    """Return the shipped model of motion in one volume; read once in a process.

    Raises OperatorError `knowledge_invalid` as `_read` does.
    """
    return read_motion_model(files("mriloop").joinpath("knowledge", FOLDER, MOTION).read_bytes(), MOTION)


def read_motion_model(content: bytes, name: str) -> MotionModel:
    """Return the model of motion that a file holds; `name` stands in messages. Raises as `_read` does."""
    return _read(content, name, motion_model.from_arrays)


@cache
def load_change_score() -> ChangeScore:
    """Return the shipped score of candidate changes; read once in a process. Raises as `_read` does."""
    return read_change_score(files("mriloop").joinpath("knowledge", FOLDER, CHANGE).read_bytes(), CHANGE)


def read_change_score(content: bytes, name: str) -> ChangeScore:
    """Return the score of candidate changes that a file holds; `name` stands in messages. Raises as `_read` does."""
    return _read(content, name, change_score.from_arrays)


def _read(content: bytes, name: str, build: Callable[[Mapping[str, Any], str], _Model]) -> _Model:
    """Return the model that a file holds.

    Raises OperatorError `knowledge_invalid` for a file above 5 MB, one that is no archive of plain arrays (object
    arrays are refused unread), and arrays that do not fit each other or hold something that is no finite number.
    """
    if len(content) > MOST_BYTES:
        raise refuse("knowledge_invalid", path=name, detail=f"weights of more than {MOST_BYTES // 1_000_000} MB")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            arrays = {key: held[key] for key in held.files}
        return build(arrays, hashlib.sha256(content).hexdigest())
    except KeyError as missing:
        raise refuse("knowledge_invalid", path=name, detail=f"no array {missing}") from None
    except (ValueError, OSError, EOFError, IndexError, TypeError, zipfile.BadZipFile) as wrong:
        raise refuse("knowledge_invalid", path=name, detail=str(wrong)) from None
