"""MRIQC's columns, and which of our measures is which of them: the one place where names are mapped.

Columns: MRIQC 24.0 group tables (https://mriqc.readthedocs.io, IQMs). A column that we do not measure by the same
definition stays `n/a`: a number under a borrowed name that means something else would be worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_STATISTICS = ("k", "mad", "mean", "median", "n", "p05", "p95", "stdv")
_AXES = ("x", "y", "z")
_TISSUES = ("csf", "gm", "wm")


def _summary(*regions: str) -> tuple[str, ...]:
    return tuple(f"summary_{region}_{statistic}" for region in regions for statistic in _STATISTICS)


_FWHM = ("fwhm_avg", *(f"fwhm_{axis}" for axis in _AXES))
_SIZE = tuple(f"size_{axis}" for axis in _AXES)
_SPACING = tuple(f"spacing_{axis}" for axis in _AXES)

ANATOMICAL: tuple[str, ...] = (
    "cjv", "cnr", "efc", "fber", *_FWHM, *(f"icvs_{tissue}" for tissue in _TISSUES), "inu_med", "inu_range",
    "qi_1", "qi_2", *(f"rpve_{tissue}" for tissue in _TISSUES), *_SIZE, "snr_csf", "snr_gm", "snr_total", "snr_wm",
    "snrd_csf", "snrd_gm", "snrd_total", "snrd_wm", *_SPACING, *_summary("bg", "csf", "gm", "wm"),
    *(f"tpm_overlap_{tissue}" for tissue in _TISSUES), "wm2max",
)  # fmt: skip
FUNCTIONAL: tuple[str, ...] = (
    "aor", "aqi", "dummy_trs", "dvars_nstd", "dvars_std", "dvars_vstd", "efc", "fber", "fd_mean", "fd_num", "fd_perc",
    *_FWHM, "gcor", "gsr_x", "gsr_y", "size_t", *_SIZE, "snr", "spacing_tr", *_SPACING, *_summary("bg", "fg"), "tsnr",
)  # fmt: skip
DIFFUSION: tuple[str, ...] = (
    "bdiffs_max", "bdiffs_mean", "bdiffs_median", "bdiffs_min", "fa_degenerate", "fa_nans", "fd_mean", "fd_num",
    "fd_perc", "ndc", "sigma_cc", "sigma_pca", "sigma_piesno", "size_t", *_SIZE, "snr_cc_shell0", *_SPACING,
    "spikes_global", *_summary("bg", "fg", "wm"),
)  # fmt: skip
BY_SUFFIX: dict[str, tuple[str, ...]] = {"bold": FUNCTIONAL, "sbref": FUNCTIONAL, "dwi": DIFFUSION}

OURS: dict[str, str] = {
    "dvars_std": "dvars_mean",
    "fd_mean": "framewise_power_mean",
    "fd_num": "framewise_power_over",
    "fd_perc": "framewise_power_share",
    "tsnr": "tsnr_median",
    "aor": "outlier_fraction",
    "aqi": "quality_index",
    "gcor": "global_correlation",
    "dummy_trs": "dummy_volumes",
    "ndc": "neighbouring_dwi_correlation",
}
"""MRIQC's name: ours, where the definition is the same and the names differ. A measure that bears MRIQC's own name, as
those of the brain do, needs no line here and comes first."""


def mriqc_columns(suffix: str) -> tuple[str, ...]:
    """Return MRIQC's columns for a BIDS suffix; those of the structural table for what MRIQC does not read itself."""
    return BY_SUFFIX.get(suffix, ANATOMICAL)


def mriqc_values(series: Mapping[str, Any], grid: Mapping[str, Any], suffix: str) -> dict[str, float | int | None]:
    """Return MRIQC's columns of one series: a number, or None where we have none by that definition.

    `series` is a series of mriloop/check/1, `grid` has `size` (voxels along the axes, then volumes), `spacing` in mm.
    """
    measures = series["measures"]
    # MRIQC takes the entropy of a structural image as it is, of the others on their mean over time: we do not.
    ours = OURS if suffix in BY_SUFFIX else {**OURS, "efc": "entropy_focus"}
    values: dict[str, float | int | None] = {}
    for name in mriqc_columns(suffix):
        taken = (measures.get(key, {}).get("value") for key in (name, ours.get(name, name)))
        values[name] = next((value for value in taken if value is not None), None)
    size, spacing = grid.get("size", ()), grid.get("spacing", ())
    values |= {f"size_{axis}": n for axis, n in zip("xyzt", size, strict=False) if f"size_{axis}" in values}
    values |= {f"spacing_{axis}": mm for axis, mm in zip(_AXES, spacing, strict=False)}
    if "spacing_tr" in values and grid.get("repetition_time_ms") is not None:
        values["spacing_tr"] = grid["repetition_time_ms"] / 1000
    return values
