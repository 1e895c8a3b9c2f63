"""A body rendered on the grid of a prescription: its signal with partial volume, and the labels that are its truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform

from mriloop.imaging.phantom.anatomy import Anatomy
from mriloop.imaging.phantom.prescription import Prescription
from mriloop.model.volume import Affine

Complex = npt.NDArray[np.complex64]
Field = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SignalField:
    """The signal of a body under one prescription: real part, and imaginary part where there is one.

    affine : (4, 4) from the index of the parts to the body's own RAS+ mm; pitch : mm between its voxels
    """

    parts: tuple[Field, ...]
    affine: Affine
    pitch: float


def signal_field(anatomy: Anatomy, table: Complex, p: Prescription) -> SignalField:
    """Return the signal of every voxel of the anatomy, from the signal of every tissue.

    For coarse pixels pairs of voxels are averaged first, which is faster and as true. The axes are put in the order
    of the prescription's slices, rows and columns, so that rendering runs along memory.
    """
    coarse = min(p.spacing[:2]) >= 2.0
    step = 2 if coarse else 1
    affine = anatomy.affine @ np.diag([step, step, step, 1.0])
    affine[:3, 3] = (anatomy.affine @ np.array([*[(step - 1) / 2] * 3, 1.0]))[:3]
    order = _axis_order(np.abs(anatomy.pose[:3, :3].T @ p.axes))
    real_enough = np.abs(table.imag).max() <= 0.03 * np.abs(table).max()
    fields = []
    for part in [table.real] if real_enough else [table.real, table.imag]:
        lut = part.astype(np.float32)
        low = lut[anatomy.under]
        value = low + (lut[anatomy.over] - low) * anatomy.share
        value *= anatomy.texture
        if coarse:
            trimmed = value[: value.shape[0] // 2 * 2, : value.shape[1] // 2 * 2, : value.shape[2] // 2 * 2]
            a, b, c = (n // 2 for n in trimmed.shape)
            value = trimmed.reshape(a, 2, b, 2, c, 2).mean(axis=(1, 3, 5), dtype=np.float32)
        fields.append(np.ascontiguousarray(value.transpose(order)))
    return SignalField(parts=tuple(fields), affine=affine[:, [*order, 3]], pitch=float(np.linalg.norm(affine[:3, 0])))


def _axis_order(alignment: npt.NDArray[np.float64]) -> list[int]:
    """Return which body axis runs most along k, i and j; `alignment` is |cosine| (body axis, i j k)."""
    left = [0, 1, 2]
    order = []
    for column in (2, 0, 1):
        best = max(left, key=lambda axis: float(alignment[axis, column]))
        left.remove(best)
        order.append(best)
    return order


def render(
    anatomy: Anatomy,
    field: SignalField,
    p: Prescription,
    pose: Affine,
    slices: list[int],
    oversample: list[int],
    extend: list[int],
) -> Complex | Field:
    """Return (k, i, j) the body's signal on the prescription's grid, averaged over the slice thickness.

    pose : (4, 4) where the body has moved to; slices : which to render, evenly spaced
    oversample, extend : how much finer than the pixels, and how many fields of view wide, the in-plane grid is
    """
    to_body = np.linalg.inv(pose @ anatomy.pose @ field.affine) @ p.affine
    first = [-(n * e) / 2 + n / 2 for n, e in zip(p.matrix[:2], extend, strict=True)]
    shape = [n * o * e for n, o, e in zip(p.matrix[:2], oversample, extend, strict=True)]
    stride = slices[1] - slices[0] if len(slices) > 1 else 1
    regular = slices == list(range(slices[0], slices[0] + stride * len(slices), stride))
    assert regular
    # Only the box that the body fills is rendered; around it is air. Columns: output axes k, i, j.
    matrix = np.stack([to_body[:3, 2] * stride, to_body[:3, 0] / oversample[0], to_body[:3, 1] / oversample[1]], axis=1)
    origin = to_body[:3] @ np.array([first[0], first[1], slices[0], 1.0])
    corners = np.linalg.inv(field.affine) @ anatomy.affine @ np.vstack([anatomy.filled.T, np.ones(8)])
    filled = np.linalg.inv(matrix) @ (corners[:3] - origin[:, None])
    low = np.clip(np.floor(filled.min(axis=1)).astype(int) - 2, 0, [0, *shape])
    high = np.clip(np.ceil(filled.max(axis=1)).astype(int) + 3, low, [len(slices), *shape])
    high[0] = len(slices)
    size = (int(high[0]), int(high[1] - low[1]), int(high[2] - low[2]))
    through = max(1, round(p.thickness / (1.1 * field.pitch)))
    total = np.zeros(size, dtype=np.complex64 if len(field.parts) > 1 else np.float32)
    for m in range(through):
        inside = ((m + 0.5) / through - 0.5) * p.thickness / p.spacing[2]
        offset = origin + to_body[:3, 2] * inside + matrix @ low
        for part, unit in zip(field.parts, (1, np.complex64(1j)), strict=False):
            total += affine_transform(part, matrix, offset, size, order=1, output=np.float32) * unit
    whole = np.zeros((len(slices), *shape), dtype=total.dtype)
    whole[:, low[1] : high[1], low[2] : high[2]] = total / np.float32(through)
    return whole


def labels_on_grid(
    anatomy: Anatomy, p: Prescription, pose: Affine
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
    """Return tissue and lesion labels on the acquired grid, at this pose."""
    to_body = np.linalg.inv(pose @ anatomy.pose @ anatomy.affine) @ p.affine
    tissue = affine_transform(anatomy.labels, to_body[:3, :3], to_body[:3, 3], p.matrix, order=0, output=np.uint8)
    labels = np.zeros(p.matrix, dtype=np.uint16)
    from_body = np.linalg.inv(to_body)
    through = max(1, round(p.thickness / 0.6))
    for lesion, (box, share) in zip(anatomy.lesions, anatomy.lesion_shares, strict=True):
        start = np.array([s.start for s in box], dtype=float)
        corners = np.array(np.meshgrid(*[[s.start, s.stop] for s in box], indexing="ij")).reshape(3, -1)
        place = from_body[:3, :3] @ corners + from_body[:3, 3:]
        low = np.clip(np.floor(place.min(axis=1)).astype(int) - 1, 0, p.matrix)
        high = np.clip(np.ceil(place.max(axis=1)).astype(int) + 2, low, p.matrix)
        if (high <= low).any():
            continue
        filled = np.zeros(high - low, dtype=np.float32)
        for m in range(through):
            inside = ((m + 0.5) / through - 0.5) * p.thickness / p.spacing[2]
            offset = to_body[:3] @ np.array([low[0], low[1], low[2] + inside, 1.0]) - start
            filled += affine_transform(share, to_body[:3, :3], offset, tuple(high - low), order=1) / through
        enough = min(0.5, 0.5 * float(filled.max()))
        if enough > 0:
            window = labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
            window[filled >= enough] = lesion.id
    return tissue, labels
