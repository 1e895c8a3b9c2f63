"""Phantom studies as DICOM: what a study of an invented patient holds, and one call that writes it to a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from mriloop.edges.dicom.phantom_headers import PhantomSeries, PhantomStudy
from mriloop.edges.dicom.uids import uid
from mriloop.edges.dicom.write_classic import classic_instances
from mriloop.edges.dicom.write_enhanced import enhanced_instance
from mriloop.imaging.phantom import Acquired, adc_map, line_times
from mriloop.model.coding import Weighting


def write_study(
    study: PhantomStudy,
    series: Sequence[PhantomSeries],
    out: Path,
    *,
    enhanced: bool = False,
    progress: Callable[[str], None] | None = None,
) -> tuple[Path, ...]:
    """Write a study as classic MR Image Storage or as Enhanced MR Image Storage, and return the files.

    Every series gets a folder of its own below `out`. Files that are there already are overwritten; the same study
    gives the same bytes.
    """
    paths = []
    for one in series:
        folder = out / f"{one.number:03d}_{''.join(c if c.isalnum() else '_' for c in one.description)}"
        folder.mkdir(parents=True, exist_ok=True)
        instances = [enhanced_instance(study, one)] if enhanced else classic_instances(study, one)
        for number, instance in enumerate(instances, start=1):
            path = folder / f"{number:05d}.dcm"
            _save(instance, path)
            paths.append(path)
        if progress is not None:
            progress(one.description)
    return tuple(paths)


def _save(instance: Dataset, path: Path) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = instance.SOPClassUID
    meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(uid("mriloop", "phantom writer"))
    meta.ImplementationVersionName = "MRILOOP_PHANTOM"
    instance.file_meta = meta
    instance.save_as(path, enforce_file_format=True)


def as_series(
    acquired: Acquired,
    *,
    number: int,
    started_at: datetime,
    description: str = "",
    contrast_at: datetime | None = None,
    coil: str = "Head_32",
) -> PhantomSeries:
    """Return an acquired series ready to be written, with the moment of every slice."""
    p = acquired.prescription
    kind = ("OTHER", "M", "NORM") if p.normalized else ("OTHER", "M")
    if p.weighting is Weighting.DWI:
        kind = ("DIFFUSION", "NONE", *kind[2:])
    times = line_times(p)[:, p.lines // 2]
    per_point = p.duration_s / p.points
    seconds = (np.arange(p.points)[None, :] + times[:, None]) * per_point
    return PhantomSeries(
        number=number,
        description=description or p.name,
        data=acquired.data,
        affine=acquired.affine,
        present=acquired.present,
        prescription=p,
        started_at=started_at,
        slice_seconds=seconds,
        image_type=("ORIGINAL", "PRIMARY", *kind),
        contrast_at=contrast_at,
        coil=coil,
    )


def as_adc(acquired: Acquired, *, number: int, started_at: datetime, coil: str = "Head_32") -> PhantomSeries:
    """Return the diffusion map of an acquired diffusion series, in 10⁻⁶ mm²/s, as a derived series."""
    source = as_series(acquired, number=number, started_at=started_at, description="ADC AX", coil=coil)
    p = replace(acquired.prescription, weighting=Weighting.ADC)
    present = acquired.present.reshape(acquired.present.shape[0], -1).all(axis=1)
    return replace(
        source,
        data=adc_map(acquired),
        present=np.asarray(present),
        prescription=p,
        image_type=("DERIVED", "PRIMARY", "DIFFUSION", "ADC"),
        units="um2/s",
        derivation="Apparent diffusion coefficient, log-linear fit over b-values",
    )
