"""Displacement between volumes beside ANTsPy's motion correction and the truth: agreement and time.

Bar: mean framewise displacement within 5 % of the reference on the real series, at a fraction of its time.

The same definitions are applied to the motions of both: mean displacement of the object, and Power's. Rows of the first
kind are the real series ($MRILOOP_REAL_DATA, default ../shared/data); rows of the second kind are the mean of a real
series moved by known random walks of 0.15 and 1 mm and degrees a volume, with the noise of that series, so that the
error of either can be seen; phantoms move while k-space is filled. `torn` counts volumes that fit no pose in any
method, because the head moved while their slices were taken: there neither number is a measurement, and the second
difference leaves their steps out. ANTsPy runs as its `motion_correction` does (`BOLDRigid`), to the same volume, one
thread each; it is found by $MRILOOP_PEER_ANTS, a Python interpreter that has antspyx.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.ndimage import affine_transform

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.imaging import motion
from mriloop.imaging.foreground import object_mask
from mriloop.imaging.phantom.acquire import Faults, acquire
from mriloop.imaging.phantom.anatomy import head
from mriloop.imaging.phantom.motion import drift, restless
from mriloop.imaging.phantom.prescription import bold_epi
from mriloop.imaging.timeseries import framewise_displacement_power
from mriloop.stages.check.measures.contrasts import alike, contrasts_of

REAL = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
PEER = os.environ.get("MRILOOP_PEER_ANTS", "")
SERIES = (
    "03_ge_fmri_deliberate_head_motion",
    "04_siemens_mosaic_fmri_head_turn",
    "04_siemens_mosaic_fmri_still",
    "05_philips_dti_classic",
    "06_uih_dti_grid",
    "07_canon_enhanced_dti",
    "13_spine_cervical_nifti/fmri",
)
MOVED = ("04_siemens_mosaic_fmri_head_turn", "04_siemens_mosaic_fmri_still", "06_uih_dti_grid")
_ANTS = """
import sys, time
import numpy as np, ants
given = np.load(sys.argv[1])
affine, spacing = given["affine"], np.linalg.norm(given["affine"][:3, :3], axis=0)
def image(values):
    return ants.from_numpy(values.astype("float32"), origin=affine[:3, 3].tolist(), spacing=spacing.tolist(),
                           direction=affine[:3, :3] / spacing)
began = time.perf_counter()
fixed, matrices = image(given["data"][int(given["reference"])]), []
for values in given["data"]:
    found = ants.registration(fixed, image(values), type_of_transform="BOLDRigid", random_seed=1)
    transform = ants.read_transform(found["fwdtransforms"][0])
    seen = np.array([transform.apply_to_point(p) for p in ([0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1])])
    matrix = np.eye(4)
    matrix[:3, 3], matrix[:3, :3] = seen[0], (seen[1:] - seen[0]).T
    matrices.append(matrix)
np.savez(sys.argv[2], matrices=matrices, seconds=time.perf_counter() - began)
"""


def run() -> list[dict[str, object]]:
    """Return one row for each time series; the columns of ANTsPy are empty where it was not found."""
    if not PEER:
        print("MRILOOP_PEER_ANTS names no interpreter with antspyx: our own figures only")
    rows = [_row(name, volumes, affine, None) for name, volumes, affine in _real(SERIES)]
    rows += [_row(*one) for one in _moved()]
    return rows + [_row(*one) for one in _phantoms()]


def _real(names):
    for name in names:
        if not (REAL / name).exists():
            continue
        with read_intake(REAL / name, Limits()) as intake:
            series = intake.studies[0].series[0]
            groups = [p for g in contrasts_of(series, load_volumes(intake, series, Limits())) for p in alike(g)]
            longest = max(groups, key=lambda group: len(group.volumes))
            yield name, longest.volumes, longest.affine


def _moved():
    for name, volumes, affine in _real(MOVED):
        base = np.mean(volumes, axis=0)
        mask = _mask(base, affine)
        noise = 1.4826 / np.sqrt(2) * np.median(np.abs(np.diff(np.array(volumes), axis=0)), axis=0)
        sigma = float(np.median(noise[mask]))
        centre = affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + affine[:3, 3]
        for step in (0.15, 1.0):
            rng = np.random.default_rng(0)
            walk = np.cumsum(rng.normal(0, step, (10, 6)), axis=0)
            poses = [motion.Rigid(tuple(p[:3]), tuple(p[3:]), tuple(centre), 1.0).matrix for p in (walk - walk[0])]
            taken = []
            for pose in poses:
                back = np.linalg.inv(affine) @ np.linalg.inv(pose) @ affine
                seen = affine_transform(base, back[:3, :3], offset=back[:3, 3], order=3, mode="nearest")
                taken.append(
                    np.hypot(seen + rng.normal(0, sigma, seen.shape), rng.normal(0, sigma, seen.shape)).astype("f4")
                )
            yield f"{name}, moved by {step}", taken, affine, poses


def _phantoms():
    anatomy, prescription = head(seed=0), bold_epi(volumes=10)
    rng = np.random.default_rng(5)
    for name, moves in {
        "phantom, restless": restless(rng, moves=5, translation_mm=1.0, rotation_deg=1.0),
        "phantom, drift": drift((1, 2, 1), (2, 1, 1)),
        "phantom, still": None,
    }.items():
        taken = acquire(anatomy, prescription, motion=moves, faults=Faults(snr=60), seed=1)
        yield name, [taken.data[..., t] for t in range(taken.data.shape[3])], taken.affine, list(taken.poses)


def _row(name, volumes, affine, truth):
    mask = _mask(volumes[len(volumes) // 2], affine)
    points = motion.object_points(mask, affine)
    began = time.perf_counter()
    reference, found = motion.estimate(volumes, affine, mask)
    seconds = time.perf_counter() - began
    torn = motion.untrusted([one.correlation for one in found])
    whole = ~(torn[1:] | torn[:-1])
    mine = [one.matrix for one in found]
    centre = np.array(found[0].centre_mm)
    row: dict[str, object] = {
        "series": name,
        "volumes": len(volumes),
        "torn": int(torn.sum()),
        "mean_mm": round(float(_framewise(mine, points).mean()), 3),
        "ants_mean_mm": "",
        "differs_%": "",
        "differs_without_torn_%": "",
        "power_mm": round(float(_power(mine, centre).mean()), 3),
        "ants_power_mm": "",
        "truth_mean_mm": "",
        "error_mm": "",
        "ants_error_mm": "",
        "seconds": round(seconds, 2),
        "ants_seconds": "",
        "times_as_fast": "",
    }
    if truth is not None:
        home = np.linalg.inv(truth[reference])
        truth = [pose @ home for pose in truth]
        row["truth_mean_mm"] = round(float(_framewise(truth, points).mean()), 3)
        row["error_mm"] = round(_error(mine, truth, points), 3)
    peer = _ants(volumes, affine, reference)
    if peer is not None:
        theirs, ants_seconds = peer
        one, other = _framewise(mine, points), _framewise(theirs, points)
        row["ants_mean_mm"] = round(float(other.mean()), 3)
        row["differs_%"] = round(100 * (float(one.mean()) / float(other.mean()) - 1), 1)
        if whole.any():
            row["differs_without_torn_%"] = round(100 * (float(one[whole].mean()) / float(other[whole].mean()) - 1), 1)
        row["ants_power_mm"] = round(float(_power(theirs, centre).mean()), 3)
        if truth is not None:
            row["ants_error_mm"] = round(_error(theirs, truth, points), 3)
        row["ants_seconds"] = round(ants_seconds, 1)
        row["times_as_fast"] = round(ants_seconds / seconds, 1)
    return row


def _mask(volume, affine):
    spacing = tuple(float(v) for v in np.linalg.norm(affine[:3, :3], axis=0))
    return object_mask(np.asarray(volume, dtype=np.float32), spacing)


def _framewise(matrices, points):
    return np.array([motion.mean_displacement(a, b, points) for a, b in pairwise(matrices)])


def _error(matrices, truth, points):
    return float(np.mean([motion.mean_displacement(a, b, points) for a, b in zip(matrices, truth, strict=True)]))


def _power(matrices, centre):
    """Power's displacement of 4 × 4 motions, turned about the centre of the object."""
    return framewise_displacement_power(np.array([motion.parameters_of(one, centre) for one in matrices]))


def _ants(volumes, affine, reference):
    """Return the motions by ANTsPy and its seconds; None where no interpreter is named."""
    if not PEER:
        return None
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "given.npz"), Path(folder, "found.npz")
        np.savez(given, data=np.array(volumes), affine=affine, reference=reference)
        environment = {**os.environ, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
        subprocess.run([PEER, "-c", _ANTS, given, found], check=True, env=environment)
        with np.load(found) as answer:
            return list(answer["matrices"]), float(answer["seconds"])
