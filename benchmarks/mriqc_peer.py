"""The peers' half of mriqc_parity: run by their interpreter, arrays in as .npy, numbers and seconds out as JSON."""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np


def main(folder):
    """Take every measure on the arrays of `folder` and write answers.json there: name -> [numbers, seconds]."""
    os.chdir(folder)
    load = {path.stem: np.load(path) for path in sorted(Path(folder).glob("*.npy"))}
    found = dict(_series(load) if "bold" in load else _structural(load))
    Path("answers.json").write_text(json.dumps(found), encoding="utf-8")


def _timed(take):
    began = time.process_time()
    value = take()
    return value, time.process_time() - began


def _structural(a):
    import mriqc.qc.anatomical as peer
    from mriqc import config
    from mriqc.qc.functional import gsr

    config.loggers.init()
    values, head, air = a["values"], a["head"].astype(np.uint8), a["air"].astype(np.uint8)
    maps = {name: a[name] for name in ("csf", "gm", "wm")} | {"bg": air}
    stats, seconds = _timed(lambda: peer.summary_stats(values, maps, decimals=12))
    yield "summary_stats", [{f"{r}_{k}": v for r, one in stats.items() for k, v in one.items()}, seconds]
    wm, gm, bg = stats["wm"], stats["gm"], stats["bg"]
    pvms = [a[name].copy() for name in ("csf", "gm", "wm")]
    calls = {
        "snr": lambda: peer.snr(wm["median"], wm["stdv"], wm["n"]),
        "snr_dietrich": lambda: peer.snr_dietrich(wm["median"], mad_air=bg["mad"], sigma_air=bg["stdv"]),
        "cnr": lambda: peer.cnr(wm["median"], gm["median"], bg["stdv"], wm["stdv"], gm["stdv"]),
        "cjv": lambda: peer.cjv(wm["median"], gm["median"], wm["mad"], gm["mad"]),
        "fber": lambda: peer.fber(values, head, decimals=12),
        "efc": lambda: peer.efc(values, decimals=12),
        "wm2max": lambda: peer.wm2max(values, wm["median"]),
        "art_qi1": lambda: peer.art_qi1(air, a["artefacts"]),
        "art_qi2": lambda: peer.art_qi2(values, a["thinned"], save_plot=False)[0],
        "volume_fraction": lambda: peer.volume_fraction(pvms),
        "rpve": lambda: peer.rpve(pvms, None),
        "gsr x": lambda: gsr(values, head, "x"),
        "gsr y": lambda: gsr(values, head, "y"),
    }
    for name, call in calls.items():
        value, seconds = _timed(call)
        yield name, [value if isinstance(value, dict) else {"": value}, seconds]
    for direction in ("-y", "all"):
        try:
            gsr(values, head, direction)
        except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
            yield f"gsr {direction}", [f"raises {type(error).__name__}", None]


def _series(a):
    import nibabel as nb
    from dipy.core.gradients import gradient_table
    from dipy.stats.qc import find_qspace_neighbors, neighboring_dwi_correlation
    from mriqc.qc.diffusion import neighboring_dwi_correlation as mriqc_ndc
    from nipype.algorithms.confounds import TSNR, FramewiseDisplacement, compute_dvars

    nb.save(nb.Nifti1Image(a["bold"], np.eye(4)), "bold.nii")
    nb.save(nb.Nifti1Image(a["mask"].astype(np.uint8), np.eye(4)), "mask.nii")
    np.savetxt("motion.txt", a["motion"])
    (std, plain, voxelwise), seconds = _timed(lambda: compute_dvars("bold.nii", "mask.nii"))
    curves = {"std": std, "nstd": plain, "vstd": voxelwise}
    yield "DVARS", [{f"{k}_{t}": float(x) for k, v in curves.items() for t, x in enumerate(v)}, seconds]
    _, seconds = _timed(lambda: FramewiseDisplacement(in_file="motion.txt", parameter_source="SPM").run())
    moves = np.loadtxt("fd_power_2012.txt", skiprows=1)
    yield "FD", [{str(t): float(x) for t, x in enumerate(moves)}, seconds]
    _, seconds = _timed(lambda: TSNR(in_file="bold.nii", tsnr_file="tsnr.nii").run())
    yield "tSNR", [{"median": float(np.median(nb.load("tsnr.nii").get_fdata()[a["mask"]]))}, seconds]
    table = gradient_table(a["b_values"], bvecs=a["directions"])
    value, seconds = _timed(lambda: neighboring_dwi_correlation(a["dwi"], table, mask=a["dwi_mask"]))
    yield "NDC", [{"": float(value)}, seconds]
    wrong = mriqc_ndc(a["dwi"], find_qspace_neighbors(table), mask=a["dwi_mask"])
    yield "NDC of MRIQC", [f"{wrong}: it correlates voxels, not volumes (nipreps/mriqc#1445)", None]


if __name__ == "__main__":
    main(sys.argv[1])
