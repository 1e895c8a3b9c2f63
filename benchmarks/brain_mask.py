"""Brain masks: against the phantom's truth, between series and visits of one real head, beside nilearn's template.

Bars: Dice 0.94 and more; series of one head within 3 % of volume between visits; 8 processor seconds a series; failures
loud. The peer is named by MRILOOP_PEER_NILEARN=/path/to/python; without it only our own figures are shown.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

from mriloop.imaging.brainmask import brain_mask
from mriloop.imaging.phantom import (
    Tissue,
    Visit,
    acquire,
    flair_axial,
    head,
    pd_axial,
    t1_3d,
    t1_axial,
    t2_axial,
)
from mriloop.imaging.resample import Grid

REAL = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
PEER = os.environ.get("MRILOOP_PEER_NILEARN", "")
PAIR = "12_ms_longitudinal_p12/raw/patient12"
SOURCES = (
    f"{PAIR}/study1_FLAIR.nii.gz",
    f"{PAIR}/study2_FLAIR.nii.gz",
    f"{PAIR}/study1_T1W.nii.gz",
    f"{PAIR}/study2_T1W.nii.gz",
    "17_brain_T1_gadolinium_nifti/MR_Gd.nii.gz",
)
BRAIN = (
    Tissue.GREY_MATTER,
    Tissue.WHITE_MATTER,
    Tissue.CAUDATE_PUTAMEN,
    Tissue.PALLIDUM,
    Tissue.THALAMUS,
    Tissue.CEREBELLAR_GREY,
    Tissue.BRAINSTEM,
    Tissue.CHOROID_PLEXUS,
    Tissue.VENTRICULAR_CSF,
)
_PEER_CODE = """
import json, sys, numpy as np, SimpleITK as sitk
from nilearn.datasets import load_mni152_brain_mask, load_mni152_template
flip = np.diag([-1., -1, 1])
def itk(data, affine):
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.T.astype(np.float32)))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist()); image.SetOrigin((flip @ affine[:3, 3]).tolist())
    image.SetDirection((flip @ affine[:3, :3] / spacing).ravel().tolist())
    return image
with np.load(sys.argv[1]) as box: data, affine = box["data"], box["affine"]
template, mask = load_mni152_template(resolution=2), load_mni152_brain_mask(resolution=2)
fixed, moving = itk(template.get_fdata(), template.affine), itk(data, affine)
brain = itk(mask.get_fdata(), mask.affine)
by_moments = sitk.CenteredTransformInitializerFilter.MOMENTS
first = sitk.CenteredTransformInitializer(fixed, moving, sitk.AffineTransform(3), by_moments)
method = sitk.ImageRegistrationMethod()
method.SetMetricAsMattesMutualInformation(32)
method.SetMetricFixedMask(sitk.BinaryDilate(sitk.Cast(brain, sitk.sitkUInt8), [3, 3, 3]))
method.SetMetricSamplingStrategy(method.REGULAR); method.SetMetricSamplingPercentage(0.2)
method.SetShrinkFactorsPerLevel([2, 1]); method.SetSmoothingSigmasPerLevel([1, 0])
method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 100, 0.6); method.SetOptimizerScalesFromPhysicalShift()
method.SetInitialTransform(first); found = method.Execute(fixed, moving)
carried = sitk.Resample(brain, moving, found.GetInverse(), sitk.sitkLinear)
np.save(sys.argv[2], sitk.GetArrayFromImage(carried).T > 0.5)
"""


def run() -> list[dict[str, object]]:
    """Return one row per picture: volume, Dice where the truth is known, processor seconds, trusted or why not."""
    rows = []
    if not PEER:
        print("nilearn's template is left out: MRILOOP_PEER_NILEARN names no interpreter")
    for name, data, grid, truth in _pictures():
        begun = time.process_time()
        found = brain_mask(data, grid.affine)
        row: dict[str, object] = {
            "picture": name,
            "volume_ml": round(found.volume_ml),
            "dice": None if truth is None else round(_dice(found.mask, truth), 3),
            "cpu_s": round(time.process_time() - begun, 1),
            "trusted": found.trusted or found.reason,
        }
        if PEER:
            theirs = _peer(data, grid)
            row["nilearn_ml"] = None if theirs is None else round(float(theirs.sum()) * grid.voxel_ml)
            row["nilearn_dice"] = None if theirs is None or truth is None else round(_dice(theirs, truth), 3)
        rows.append(row)
    return rows


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2.0 * (one & other).sum() / max(one.sum() + other.sum(), 1))


def _pictures() -> Iterator[tuple[str, np.ndarray, Grid, np.ndarray | None]]:
    for seed, prescription, gadolinium in (
        (3, flair_axial(), False),
        (3, t1_3d(), False),
        (3, t2_axial(), False),
        (5, pd_axial(), False),
        (5, t1_axial(), True),
    ):
        scan = acquire(head(Visit(gadolinium=gadolinium), seed=seed), prescription, seed=1)
        grid = Grid(shape=scan.data.shape[:3], affine=scan.affine)
        yield f"phantom {seed} {prescription.name}", scan.data, grid, _hull(scan.tissue_labels, grid)
    for name in SOURCES:
        if (REAL / name).is_file():
            import nibabel

            image = nibabel.load(REAL / name)
            grid = Grid(shape=image.shape[:3], affine=image.affine)
            yield Path(name).name, image.get_fdata(dtype=np.float32), grid, None


def _hull(labels: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the brain with its furrows: tissue closed by a ball of 5 mm."""
    pad = [int(np.ceil(8 / s)) for s in grid.spacing_mm]
    tissue = np.pad(np.isin(labels, BRAIN), [(p, p) for p in pad])
    wide = ndimage.distance_transform_edt(~tissue, sampling=grid.spacing_mm) <= 5.0
    closed = (ndimage.distance_transform_edt(wide, sampling=grid.spacing_mm) > 5.0) | tissue
    return closed[tuple(slice(p, -p) for p in pad)]


def _peer(data: np.ndarray, grid: Grid) -> np.ndarray | None:
    with tempfile.TemporaryDirectory() as folder:
        there, back = Path(folder) / "in.npz", Path(folder) / "out.npy"
        np.savez(there, data=data, affine=grid.affine)
        done = subprocess.run([PEER, "-c", _PEER_CODE, str(there), str(back)], capture_output=True, check=False)
        return np.load(back) if done.returncode == 0 and back.is_file() else None


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
