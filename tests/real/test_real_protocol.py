"""Protocols on the real series: the exam's own one is chosen, and nobody is called back for a number nobody signed."""

from __future__ import annotations

import pytest

from mriloop.edges.dicom import Limits, read_intake
from mriloop.edges.knowledge.protocols import load_protocols
from mriloop.model.quality import Severity
from mriloop.stages.check import choose_protocol, identify_study, match_study
from mriloop.stages.check.header import Header
from mriloop.stages.check.protocol import check_protocol
from mriloop.stages.check.protocol.coil import coil_of
from mriloop.stages.check.protocol.fields import take

pytestmark = pytest.mark.real
DICOM = (
    "01",
    "02",
    "03",
    "04_siemens_mosaic_fmri_head_turn",
    "05_philips_dti",
    "06",
    "07",
    "08",
    "10",
    "11",
    "16",
    "18",
)


def studies(real_data, start):
    folder = next(p for p in sorted(real_data.iterdir()) if p.name.startswith(start))
    with read_intake(folder, Limits(), several_patients=True) as intake:
        return intake.studies


@pytest.mark.parametrize("start", DICOM)
def test_no_good_series_is_more_than_informed(real_data, start):
    protocols = load_protocols()
    for study in studies(real_data, start):
        kinds = identify_study(study)
        lines = match_study(study, kinds, choose_protocol(study, kinds, protocols))
        for series in study.series:
            if line := lines.get(series.series_instance_uid):
                assert all(d.severity is Severity.INFO for d in check_protocol(series, line))


@pytest.mark.parametrize(
    ("start", "wanted", "advisory"), [("10", "prostate", False), ("02", "brain_general", True), ("15", None, False)]
)
def test_the_protocol_of_the_exam(real_data, start, wanted, advisory):
    for study in studies(real_data, start):
        found = choose_protocol(study, identify_study(study), load_protocols())
        assert (found.id if found else None) == wanted
        assert found is None or found.advisory is advisory


@pytest.mark.parametrize(
    ("start", "families", "elements"),
    [
        ("01", {"head"}, ("HEA", "HEP")),
        ("02", {"head", "neck"}, None),
        ("03", {"head"}, ()),
        ("05_philips_dti", set(), ()),  # MULTI COIL says nothing
        ("07", {"head"}, ()),
        ("10", {"body array", "spine"}, ("BO1", "BO2", "SP5")),
    ],
)
def test_coils_of_every_vendor(real_data, start, families, elements):
    for study in studies(real_data, start):
        for series in study.series:
            coil = coil_of(series)
            assert coil.families == families
            assert elements is None or coil.elements == elements


@pytest.mark.parametrize(
    ("start", "keyword", "value"),
    [
        ("03", "Volumes", 10.0),
        ("03", "SliceGap", 2.0),
        ("05_philips_dti", "Volumes", 17.0),
        ("05_philips_dti", "DiffusionDirections", 15.0),
        ("07", "ParallelReductionFactorInPlane", 2.0),
        ("06", "Slices", 20.0),
    ],
)
def test_prescriptions_of_every_vendor(real_data, start, keyword, value):
    """FACTS.tsv states files, positions and spacing, read with pydicom and dcm2niix."""
    (study,) = studies(real_data, start)
    (series,) = study.series
    assert take(keyword, Header(series), text=False) == (pytest.approx(value),)
