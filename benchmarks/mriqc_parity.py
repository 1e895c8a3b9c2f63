"""MRIQC's metrics, nipype's DVARS, FD and tSNR and DIPY's NDC: the same arrays through mriloop and through the peer.

Bars: 1e-6 relative, or a reason; the set at least 5 times as fast. The peer runs in a child process of the interpreter
named by MRILOOP_PEER_MRIQC (mriqc, nipype, dipy, nireports, scikit-learn). Processor seconds of one thread, the median
of three rounds that alternate between the two. `rpve` is compared with the background counted, as MRIQC does; its
rounding to four decimals is switched off. nipype reads and writes files, which its seconds include.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from mriloop.imaging import iqm
from mriloop.imaging.brainmask import brain_mask
from mriloop.imaging.diffusion import neighbouring_dwi_correlation
from mriloop.imaging.foreground import object_mask, regions
from mriloop.imaging.phantom import Visit, acquire, bold_epi, dwi_axial, head, restless, t1_3d
from mriloop.imaging.segment import Contrast, segment
from mriloop.imaging.timeseries import dvars, framewise_displacement_power, tsnr

REAL = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
PEER = os.environ.get("MRILOOP_PEER_MRIQC", "")
SOURCES = ("12_ms_longitudinal_p12/raw/patient12/study1_T1W.nii.gz",)
ROUNDS = 3
Arrays = dict[str, Any]
Answers = dict[str, tuple[Any, float | None]]


def run() -> list[dict[str, object]]:
    """Return one row per input and measure: largest relative difference, seconds of both, their ratio; then the set."""
    if not PEER:
        print("mriqc_parity: MRILOOP_PEER_MRIQC names no interpreter; only mriloop's own seconds follow")
    rows: list[dict[str, object]] = []
    for name, arrays, take in _inputs():
        ours, theirs = _both(arrays, take)
        rows += _rows(name, ours, theirs)
    return rows


def _both(arrays: Arrays, take: Callable[[Arrays], Answers]) -> tuple[list[Answers], list[Answers]]:
    ours: list[Answers] = []
    theirs: list[Answers] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, array in arrays.items():
            np.save(Path(folder) / f"{name}.npy", array)
        for _ in range(ROUNDS):
            ours.append(take(arrays))
            if PEER:
                script = str(Path(__file__).with_name("mriqc_peer.py"))
                environment = dict(
                    os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NO_ET="1", PYTHONWARNINGS="ignore"
                )
                subprocess.run([PEER, script, folder], check=True, env=environment, stdout=subprocess.DEVNULL)
                theirs.append(json.loads((Path(folder) / "answers.json").read_text(encoding="utf-8")))
    return ours, theirs


def _rows(name: str, ours: list[Answers], theirs: list[Answers]) -> Iterator[dict[str, object]]:
    total = [0.0, 0.0]
    for measure, (value, _) in ours[0].items():
        mine = float(np.median([one[measure][1] or 0.0 for one in ours]))
        row: dict[str, object] = {"input": name, "measure": measure, "difference": "", "mriloop_s": f"{mine:.4f}"}
        if theirs:
            peer = float(np.median([one[measure][1] or 0.0 for one in theirs]))
            row |= {"difference": _difference(value, theirs[0][measure][0]), "peer_s": f"{peer:.4f}"}
            row["ratio"] = f"{peer / mine:.1f}" if peer > 1e-3 else ""
            total = [total[0] + mine, total[1] + peer]
        yield row
    for measure, (value, _) in (theirs[0] if theirs else {}).items():
        if measure not in ours[0]:
            yield {"input": name, "measure": measure, "difference": f"peer: {value}"}
    if theirs:
        yield {
            "input": name,
            "measure": "the set",
            "difference": "",
            "mriloop_s": f"{total[0]:.2f}",
            "peer_s": f"{total[1]:.2f}",
            "ratio": f"{total[1] / total[0]:.1f}",
        }


def _difference(ours: dict[str, float | None], theirs: dict[str, float]) -> str:
    """Return the largest difference relative to the peer's number, or what the peer answers where there is none."""
    assert ours.keys() == theirs.keys()
    if None in ours.values():
        return f"none here; peer {theirs}"
    apart = [abs(ours[k] - theirs[k]) / max(abs(theirs[k]), 1e-12) for k in ours]
    return f"{max(apart):.1e}"


def _inputs() -> Iterator[tuple[str, Arrays, Callable[[Arrays], Answers]]]:
    anatomy = head(Visit(), seed=3)
    fine = replace(t1_3d(), matrix=(256, 256, 176), spacing=(1.0, 1.0, 1.0), thickness=1.0)
    scan = acquire(anatomy, fine, seed=1)
    yield "phantom T1, 256×256×176", _structure(scan.data, scan.affine), _ours_structural
    for source in SOURCES:
        if (REAL / source).is_file():
            import nibabel

            image = nibabel.load(REAL / source)
            arrays = _structure(image.get_fdata(dtype=np.float32), image.affine)
            yield f"real T1, {'×'.join(str(n) for n in image.shape)}", arrays, _ours_structural
    yield "phantom BOLD and DWI", _series_arrays(anatomy), _ours_series


def _structure(data: np.ndarray, affine: np.ndarray) -> Arrays:
    """Return the arrays MRIQC works on: the picture with white matter at 1000, head, air, its distance, tissue maps."""
    spacing = tuple(float(s) for s in np.linalg.norm(affine[:3, :3], axis=0))
    mask = brain_mask(data.astype(np.float32), affine).mask
    tissues = segment(data.astype(np.float32), affine, mask, Contrast.T1)
    assert not isinstance(tissues, str)
    scale = 1000.0 / float(np.median(data[tissues.maps[2] > 0.9]))
    parts = regions(data.astype(np.float32), spacing)
    thinned = np.zeros(parts.air.shape, dtype=bool)  # below 300 000 voxels, beyond which MRIQC draws at random
    thinned.flat[np.flatnonzero(parts.air)[:: 1 + int(parts.air.sum()) // 250_000]] = True
    distance = ndimage.distance_transform_edt(~parts.object)
    return {
        "values": data.astype(np.float64) * scale,
        "head": parts.object,
        "air": parts.air,
        "thinned": thinned,
        "artefacts": iqm.artifact_mask(data, parts.air, distance / distance.max()),
        "csf": tissues.maps[0].astype(np.float64),
        "gm": tissues.maps[1].astype(np.float64),
        "wm": tissues.maps[2].astype(np.float64),
    }


def _series_arrays(anatomy: Any) -> Arrays:
    rng = np.random.default_rng(7)
    moves = restless(rng, moves=8, translation_mm=0.6, rotation_deg=0.6)
    bold = acquire(anatomy, bold_epi(volumes=12), motion=moves, seed=2)
    data = np.concatenate([bold.data * f for f in rng.normal(1, 0.004, 10)], axis=3)
    data = (1000 * (data + bold.noise_sigma * rng.normal(size=data.shape))).astype(np.float32)
    spacing = tuple(float(s) for s in np.linalg.norm(bold.affine[:3, :3], axis=0))
    dwi = acquire(anatomy, dwi_axial(), seed=3)
    directions = rng.normal(size=(24, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in dwi.data.shape[:3]), indexing="ij"), axis=-1)
    weighted = dwi.data[..., 1, None] * np.exp(-0.3 * (places @ directions.T) ** 2)
    weighted += dwi.noise_sigma * rng.normal(size=weighted.shape)
    return {
        "bold": data,
        "mask": object_mask(data.mean(axis=3), spacing),
        "motion": np.cumsum(rng.normal(scale=(0.05, 0.05, 0.05, 0.001, 0.001, 0.001), size=(data.shape[3], 6)), axis=0),
        "dwi": np.concatenate([dwi.data[..., :1], weighted], axis=3).astype(np.float64),
        "dwi_mask": object_mask(dwi.data[..., 0], (1.8, 1.8, 5.2)),
        "b_values": np.array([0.0] + [1000.0] * 24),
        "directions": np.vstack([np.zeros((1, 3)), directions]),
    }


def _timed(take: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    value = take()
    return value, time.process_time() - began


def _ours_structural(a: Arrays) -> Answers:
    values, head_mask, air = a["values"], a["head"], a["air"]
    tissue = {name: a[name] for name in iqm.TISSUES}
    stats, seconds = _timed(lambda: iqm.summary_stats(values, tissue | {"bg": air}))
    found: Answers = {
        "summary_stats": ({f"{r}_{k}": v for r, one in stats.items() for k, v in asdict(one).items()}, seconds)
    }
    wm, gm, bg = stats["wm"], stats["gm"], stats["bg"]
    maps = list(tissue.values())
    calls: dict[str, Callable[[], Any]] = {
        "snr": lambda: iqm.snr(wm.median, wm.stdv, wm.n),
        "snr_dietrich": lambda: iqm.snr_dietrich(wm.median, mad_air=bg.mad, sigma_air=bg.stdv),
        "cnr": lambda: iqm.cnr(wm.median, gm.median, bg.stdv, wm.stdv, gm.stdv),
        "cjv": lambda: iqm.cjv(wm.median, gm.median, wm.mad, gm.mad),
        "fber": lambda: iqm.fber(values, head_mask),
        "efc": lambda: iqm.efc(values),
        "wm2max": lambda: iqm.wm2max(values, wm.median),
        "art_qi1": lambda: iqm.art_qi1(air, a["artefacts"]),
        "art_qi2": lambda: iqm.art_qi2(values, a["thinned"]),
        "volume_fraction": lambda: iqm.volume_fraction(maps),
        "rpve": lambda: iqm.rpve(maps, background=True),
        "gsr x": lambda: iqm.gsr(values, head_mask, 0),
        "gsr y": lambda: iqm.gsr(values, head_mask, 1),
    }
    for name, call in calls.items():
        value, seconds = _timed(call)
        found[name] = (value if isinstance(value, dict) else {"": value}, seconds)
    return found


def _ours_series(a: Arrays) -> Answers:
    curves, seconds = _timed(lambda: dvars(a["bold"], a["mask"]))
    names = ("std", "nstd", "vstd")
    found: Answers = {
        "DVARS": (
            {f"{k}_{t}": float(x) for k, v in zip(names, curves, strict=True) for t, x in enumerate(v)},
            seconds,
        )
    }
    moves, seconds = _timed(lambda: framewise_displacement_power(a["motion"]))
    found["FD"] = ({str(t): float(x) for t, x in enumerate(moves)}, seconds)
    value, seconds = _timed(lambda: float(np.median(tsnr(a["bold"])[a["mask"]])))
    found["tSNR"] = ({"median": value}, seconds)
    value, seconds = _timed(
        lambda: neighbouring_dwi_correlation(a["dwi"], a["b_values"], a["directions"], a["dwi_mask"])
    )
    found["NDC"] = ({"": value}, seconds)
    return found
