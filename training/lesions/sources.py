"""Heads to invent visits of: phantoms of many contrasts, and whatever real FLAIR and T1 volumes somebody has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np

from mriloop.imaging.brainmask import brain_mask
from mriloop.imaging.normalise import shading, tissue_mode
from mriloop.imaging.phantom import Tissue, Visit, flair_axial, head
from mriloop.imaging.phantom.signal import signal_table
from mriloop.imaging.resample import Grid, crop
from mriloop.imaging.voxels import ndimage

BRAIN = (
    Tissue.CSF,
    Tissue.GREY_MATTER,
    Tissue.WHITE_MATTER,
    Tissue.CAUDATE_PUTAMEN,
    Tissue.PALLIDUM,
    Tissue.THALAMUS,
    Tissue.VENTRICULAR_CSF,
    Tissue.CHOROID_PLEXUS,
    Tissue.CEREBELLAR_GREY,
    Tissue.BRAINSTEM,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Base:
    """One head whose white matter is 1. `subject` is what a split must keep together; `brain` its mask."""

    subject: str
    data: np.ndarray
    grid: Grid
    brain: np.ndarray
    real: bool


def phantom_base(seed: int, rng: np.random.Generator) -> Base:
    """Return the head `seed` under a FLAIR whose grey matter, fluid and nuclei differ from scanner to scanner."""
    body = head(Visit(), seed=seed)
    plan = flair_axial()
    table = np.abs(signal_table(plan, te=plan.te[0], b_value=0.0, gadolinium=False)).astype(np.float32)
    table /= table[Tissue.WHITE_MATTER]
    table = 1.0 + (table - 1.0) * np.float32(rng.uniform(0.35, 0.9))
    table[Tissue.AIR] = 0.0
    fluid = rng.uniform(0.15, 0.5)
    table[[Tissue.CSF, Tissue.VENTRICULAR_CSF]] = fluid
    for tissue in (Tissue.GREY_MATTER, Tissue.CAUDATE_PUTAMEN, Tissue.THALAMUS, Tissue.CEREBELLAR_GREY):
        table[tissue] += rng.normal(scale=0.03)
    low = table[body.under]
    data = (low + (table[body.over] - low) * body.share) * body.texture
    soft = sum(
        rng.uniform(0.01, 0.025) * _unit(ndimage.gaussian_filter(rng.normal(size=data.shape), s)) for s in (1.5, 4, 9)
    )
    brain = ndimage.binary_closing(np.isin(body.labels, [int(t) for t in BRAIN]), iterations=2)
    labels, _ = ndimage.label(ndimage.binary_opening(brain, iterations=3))
    core = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    brain &= ndimage.binary_dilation(core, iterations=4)
    grid = Grid(shape=data.shape, affine=body.affine)
    return trimmed(
        Base(subject=f"phantom{seed}", data=(data * (1 + soft)).astype(np.float32), grid=grid, brain=brain, real=False)
    )


def trimmed(base: Base, margin_mm: float = 9.0) -> Base:
    """Return the head without what lies far from its brain: neck, face and air take time and teach nothing."""
    grid, cut = crop(base.grid, base.brain, margin_mm)
    return replace(base, data=np.ascontiguousarray(base.data[cut]), grid=grid, brain=base.brain[cut])


def _unit(field: np.ndarray) -> np.ndarray:
    return (field / field.std()).astype(np.float32)


def flair_base(path: Path, subject: str) -> Base:
    """Return a real FLAIR with its shading removed."""
    image = nibabel.load(path)
    data = np.maximum(image.get_fdata(dtype=np.float32), 0)
    grid = Grid(shape=data.shape[:3], affine=image.affine)
    brain = brain_mask(data, grid.affine)
    if not brain.trusted:
        raise ValueError(f"{path.name}: {brain.reason}")
    data = data / shading(data, grid, brain.mask)
    return trimmed(
        Base(
            subject=subject,
            data=(data / tissue_mode(data[brain.mask])).astype(np.float32),
            grid=grid,
            brain=brain.mask,
            real=True,
        )
    )


def inverted_base(path: Path, subject: str, rng: np.random.Generator) -> Base:
    """Return a real T1 volume with its contrast turned over to that of a FLAIR: dark fluid, bright grey matter.

    Anatomy, folding and partial volume are real; that every border of fluid and white matter runs through the
    brightness of grey matter makes it harder than a FLAIR.
    """
    t1 = flair_base(path, subject)
    white = float(np.percentile(t1.data[t1.brain], 85))
    relative = t1.data / white
    grey = rng.uniform(1.12, 1.3)
    curve = np.interp(
        relative, [0.0, 0.25, 0.45, 0.65, 0.85, 1.0, 1.3, 3.0], [0.05, 0.25, 0.7, grey, 1.08, 1.0, 0.9, 0.8]
    )
    return Base(subject=subject, data=curve.astype(np.float32), grid=t1.grid, brain=t1.brain, real=True)


def folders(root: Path, rng: np.random.Generator) -> Iterator[Base]:
    """Yield the heads of a folder: every `*FLAIR*.nii*` as it is, every thin `*T1*.nii*` and `*MR_Gd*` turned over.

    The folder that holds a file is its subject.
    """
    for path in sorted(root.rglob("*.nii*")):
        name = path.name.upper()
        if "FLAIR" in name:
            yield flair_base(path, path.parent.name)
        elif ("T1" in name or "GD" in name) and max(nibabel.load(path).header.get_zooms()[:3]) < 1.6:
            try:
                yield inverted_base(path, path.parent.name, rng)
            except ValueError:
                continue
