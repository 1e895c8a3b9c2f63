"""What each vendor's own elements declare, as DICOM written by pydicom: whole, cut at 60 %, and three slices gone."""

from __future__ import annotations

import pytest

from mriloop.edges.dicom import Limits, read_intake
from mriloop.model.quality import Severity
from mriloop.stages.check import identify_study
from mriloop.stages.check.completeness import completeness_of
from mriloop.stages.check.rules import completeness_defects

RANK = {Severity.INFO: 0, Severity.MINOR: 1, Severity.MAJOR: 2}
PHILIPS, PHILIPS_5 = "Philips Imaging DD 001", "Philips MR Imaging DD 005"


def add(ds, creator, group, offset, vr, value):
    ds.private_block(group, creator, create=True).add_new(offset, vr, value)


def asc(ds, **entries):
    lines = "\n".join(f"{name.replace('__', '.')} = {value}" for name, value in entries.items())
    text = f"### ASCCONV BEGIN ###\n{lines}\n### ASCCONV END ###".encode()
    add(ds, "SIEMENS CSA HEADER", 0x0029, 0x20, "OB", text + b"\0" * (len(text) % 2))


def placed(ds, k, t, slices):
    ds.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.1.1.{t}.{k + 1}"
    ds.InstanceNumber = t * slices + k + 1
    ds.ImagePositionPatient = [-10.0, -20.0, 5.0 * k]
    ds.SliceThickness, ds.SpacingBetweenSlices = 4.5, 5.0
    ds.AcquisitionTime = f"{100000 + (t // 30) * 100 + (t * 2) % 60:06d}"
    return ds


def siemens_2d(ds, k, t):
    ds.Manufacturer, ds.ScanningSequence, ds.MRAcquisitionType = "SIEMENS", "SE", "2D"
    asc(ds, sSliceArray__lSize=20)


def siemens_tof(ds, k, t):
    """Three slabs of 24 that overlap: 60 slices remain of 72."""
    ds.Manufacturer, ds.ScanningSequence, ds.MRAcquisitionType = "SIEMENS", "GR", "3D"
    ds.SequenceName = "*fl3d1r_ts"
    ds.SeriesDescription = "TOF_3D_multi-slab"
    asc(ds, sSliceArray__lSize=3, sKSpace__lImagesPerSlab=24)


def siemens_dti(ds, k, t):
    ds.Manufacturer, ds.ScanningSequence = "SIEMENS", "EP"
    ds.SequenceName = "*ep_b0" if t == 0 else f"*ep_b1000#{t}"
    add(ds, "SIEMENS MR HEADER", 0x0019, 0x0C, "IS", "1000" if t else "0")
    if t:
        add(ds, "SIEMENS MR HEADER", 0x0019, 0x0E, "FD", [(t / 20), (1 - (t / 20) ** 2) ** 0.5, 0.0])
    asc(ds, **{"sSliceArray.lSize": 6, "sDiffusion.lDiffDirections": 12, "sDiffusion.alBValue[0]": 0,
               "sDiffusion.alBValue[1]": 1000})  # fmt: skip


def ge_epi(ds, k, t):
    ds.Manufacturer, ds.ScanningSequence = "GE MEDICAL SYSTEMS", ["EP", "GR"]
    ds.EchoTime, ds.RepetitionTime, ds.NumberOfTemporalPositions = 30, 2000, 12
    add(ds, "GEMS_RELA_01", 0x0021, 0x4F, "SS", 6)


def ge_dti(ds, k, t):
    ds.Manufacturer, ds.ScanningSequence = "GE MEDICAL SYSTEMS", ["EP", "SE"]
    add(ds, "GEMS_RELA_01", 0x0021, 0x4F, "SS", 6)
    add(ds, "GEMS_ACQU_01", 0x0019, 0xE0, "DS", "11")
    add(ds, "GEMS_PARM_01", 0x0043, 0x39, "IS", [1000 if t else 0, 8, 0, 0])


def philips_dynamic(ds, k, t):
    ds.Manufacturer, ds.ScanningSequence, ds.EchoTime = "Philips Medical Systems", "GR", 30
    ds.RepetitionTime, ds.TemporalPositionIdentifier = 2000, t + 1
    add(ds, PHILIPS, 0x2001, 0x18, "SL", 6)
    add(ds, PHILIPS, 0x2001, 0x81, "IS", "12")
    add(ds, PHILIPS, 0x2001, 0x20, "LO", "FEEPI")


def philips_locations(ds, k, t):
    ds.Manufacturer, ds.ScanningSequence = "Philips Medical Systems", "SE"
    add(ds, PHILIPS, 0x2001, 0x15, "SS", 20)


def canon(ds, k, t):
    ds.Manufacturer, ds.ScanningSequence = "CANON_MEC", "SE"
    ds.ImagesInAcquisition = 20


STYLES = {
    "siemens_2d": (siemens_2d, 20, 1),
    "siemens_tof": (siemens_tof, 60, 1),
    "siemens_dti": (siemens_dti, 6, 13),
    "ge_epi": (ge_epi, 6, 12),
    "ge_dti": (ge_dti, 6, 12),
    "philips_dynamic": (philips_dynamic, 6, 12),
    "philips_locations": (philips_locations, 20, 1),
    "canon": (canon, 20, 1),
}


def defects(style, keep, tmp_path, make, write):
    fill, slices, volumes = STYLES[style]
    number = 0
    for t in range(volumes):
        for k in range(slices):
            if keep(k, t):
                number += 1
                ds = placed(make(1), k, t, slices)
                fill(ds, k, t)
                write(ds, tmp_path / style / f"{number}.dcm")
    with read_intake(tmp_path / style, Limits()) as intake:
        (study,) = intake.studies
        (series,) = study.series
    kind = identify_study(study)[series.series_instance_uid]
    return completeness_defects(completeness_of(series, kind), kind, series), series


@pytest.mark.parametrize("style", STYLES)
def test_what_is_whole_is_left_alone(style, tmp_path, make, write):
    found, series = defects(style, lambda k, t: True, tmp_path, make, write)
    assert found == [], series.declared


@pytest.mark.parametrize("style", [name for name in STYLES if name != "siemens_tof"])
def test_what_is_cut_at_sixty_percent_is_found(style, tmp_path, make, write):
    _, slices, volumes = STYLES[style]
    found, series = defects(style, lambda k, t: t * slices + k < 0.6 * slices * volumes, tmp_path, make, write)
    assert max(RANK[d.severity] for d in found) >= (1 if volumes > 1 else 2), series.declared


@pytest.mark.parametrize("style", STYLES)
def test_three_missing_slices_are_found(style, tmp_path, make, write):
    found, _ = defects(style, lambda k, t: k not in (1, 2, 3), tmp_path, make, write)
    assert [(d.code, d.severity) for d in found if d.code == "missing_slices"] == [("missing_slices", Severity.MAJOR)]


@pytest.mark.parametrize("style", ["ge_dti", "siemens_dti", "ge_epi", "philips_dynamic"])
def test_whole_volumes_that_never_came_are_counted(style, tmp_path, make, write):
    found, series = defects(style, lambda k, t: t < 8, tmp_path, make, write)
    assert [d.code for d in found] == ["stopped_early"], series.declared


def test_the_table_of_declarations_is_documented():
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs" / "reference" / "dicom-in.md").read_text("utf-8")
    for key in ("slices", "volumes", "echoes", "phases", "b_values", "diffusion_volumes", "duration_s", "objects",
                "acquired_images", "frames", "instances"):  # fmt: skip
        assert f"`{key}`" in page
