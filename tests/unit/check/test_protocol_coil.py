"""Coil texts as scanners write them (published: spine-generic #165, mrQA #51, BIDS sidecars), and the coil check."""

from __future__ import annotations

import pytest

from mriloop.model.protocol import CoilRule
from mriloop.model.quality import Severity
from mriloop.model.study import Series, SeriesObject
from mriloop.stages.check.protocol.coil import check_coil, coil_of, families_of, parse_elements


def series(**parameters):
    return Series(
        series_instance_uid="1", study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE, parameters=parameters
    )


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("HC1-6;NE1,2", "HC1 HC2 HC3 HC4 HC5 HC6 NE1 NE2"),
        ("HE1-4;NE1,2;SP1", "HE1 HE2 HE3 HE4 NE1 NE2 SP1"),
        ("HC7;NC1,2;SP1", "HC7 NC1 NC2 SP1"),
        ("HC5-7;NC1,2;SP1", "HC5 HC6 HC7 NC1 NC2 SP1"),
        ("HC1-7; HC1-7; NC1,2", "HC1 HC2 HC3 HC4 HC5 HC6 HC7 NC1 NC2"),
        ("HEA;HEP", "HEA HEP"),
        ("t:HEA;HEP", "HEA HEP"),
        ("C:HEA;HEP;NE2", "HEA HEP NE2"),
        ("BO1,2;SP5", "BO1 BO2 SP5"),
        ("SP2-4,6;BO1-3", "SP2 SP3 SP4 SP6 BO1 BO2 BO3"),
        ("15K", "15K"),
        ("H1P;H2P", "H1P H2P"),
        ('"HE1-4"', "HE1 HE2 HE3 HE4"),
        ("HC9-2", "HC9-2"),
        ("HC1-99999999", "HC1-99999999"),
        (";;,", ""),
        ("", ""),
    ],
)
def test_element_texts(text, elements):
    assert parse_elements(text) == tuple(elements.split())


@pytest.mark.parametrize(
    ("name", "families"),
    [
        ("HeadNeck_64", {"head", "neck"}),
        ("HeadNeck_20_TCS", {"head", "neck"}),
        ("32Ch Head", {"head"}),
        ("8HRBRAIN", {"head"}),
        ("SENSE-Head-8", {"head"}),
        ("SENSE-NV-16", {"head", "neck"}),
        ("HNS Head", {"head", "neck"}),
        ("Spine_32", {"spine"}),
        ("Body_18", {"body array"}),
        ("BODY", {"body coil"}),
        ("Q-Body", {"body coil"}),
        ("QD Whole Body", {"body coil"}),
        ("15Ch Knee", {"knee"}),
        ("48HP", set()),
    ],
)
def test_names_of_coils(name, families):
    assert families_of(name) == families


@pytest.mark.parametrize(
    ("header", "name", "families", "elements"),
    [
        ({"VendorCoilElements": "HC1-2;NC1", "ReceiveCoilName": "HeadNeck_64"}, "HEADNECK_64", {"head", "neck"},
         ("HC1", "HC2", "NC1")),
        ({"VendorCoilElements": "T:HEA;HEP"}, "", {"head"}, ("HEA", "HEP")),
        ({"VendorCoilName": "C-GE_32Ch Head"}, "32CH HEAD", {"head"}, ()),
        ({"VendorCoilName": "CmNVbcsG8HIlp2X3#jkscyA", "ReceiveCoilName": "HEAD"}, "HEAD", {"head"}, ()),
        ({"VendorCoilName": "CmNVbcsG8HIlp2X3#jkscyA"}, "", set(), ()),
        ({"ReceiveCoilName": "MULTI COIL"}, "", set(), ()),
        ({"MultiCoilElementName": ("E10", "E2", "E1")}, "", set(), ("E1", "E2", "E10")),
        ({}, "", set(), ()),
    ],
)  # fmt: skip
def test_what_headers_say_of_the_coil(header, name, families, elements):
    coil = coil_of(series(**header))
    assert (coil.name, coil.families, coil.elements) == (name, families, elements)


HEAD64 = CoilRule(names=("HEADNECK_64",), elements=("HC1-7;NC1,2",))


def found(rule, **header):
    return {d.code: d for d in check_coil(rule, series(**header), "T1")}


def test_the_right_coil_with_all_its_elements_passes():
    assert not found(HEAD64, ReceiveCoilName="HeadNeck_64", VendorCoilElements="HC1-7;NC1,2")
    assert not found(CoilRule(families=("head",)), ReceiveCoilName="8HRBRAIN")
    assert not found(CoilRule(families=("head",)), VendorCoilElements="HEA;HEP")


def test_another_coil_is_major_and_another_one_for_the_same_part_minor():
    assert found(HEAD64, ReceiveCoilName="BODY")["wrong_coil"].severity is Severity.MAJOR
    assert found(CoilRule(families=("head",)), ReceiveCoilName="Spine_32")["wrong_coil"].severity is Severity.MAJOR
    other = found(CoilRule(names=("HEADNECK_64",)), ReceiveCoilName="HeadNeck_20")
    assert other["wrong_coil"].severity is Severity.MINOR
    assert found(CoilRule(names=("HEADNECK_64",)), ReceiveCoilName="48HP")["wrong_coil"].severity is Severity.MINOR


def test_elements_missing_and_extra_are_minor_and_named():
    less = found(HEAD64, ReceiveCoilName="HeadNeck_64", VendorCoilElements="HC1,3-7;NC1,2")["coil_elements_missing"]
    assert less.severity is Severity.MINOR
    assert less.message.startswith("head coil element group HC2 was not selected")
    assert "Reconnect or select head coil element group HC2" in less.action
    more = found(HEAD64, ReceiveCoilName="HeadNeck_64", VendorCoilElements="HC1-7;NC1,2;SP1")
    assert set(more) == {"coil_elements_extra"}
    assert "spine coil element group SP1" in more["coil_elements_extra"].message


@pytest.mark.parametrize(
    "header", [{}, {"ReceiveCoilName": "MULTI COIL"}, {"VendorCoilName": "CmNVbcsG8HIlp2X3#jkscyA"}]
)
def test_a_silent_header_is_unknown_and_never_a_pass(header):
    for rule in (HEAD64, CoilRule(names=("32CH HEAD",)), CoilRule(families=("knee",)), CoilRule(elements=("HC1",))):
        defects = check_coil(rule, series(**header), "T1")
        assert {d.code for d in defects} == {"protocol_unknown"}
        assert all(d.severity is Severity.INFO for d in defects)
