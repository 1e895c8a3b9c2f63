"""Other systems' references: dicompare's JSON, Siemens' printed XML, mrQA's configuration; nothing in them is run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from mriloop.app.protocol import READABLE, import_protocol
from mriloop.cli import app
from mriloop.cli.common import guarded
from mriloop.edges.knowledge.protocols import read_protocol
from mriloop.edges.knowledge.protocols_foreign import read_foreign
from mriloop.model.coding import Region, Weighting
from mriloop.model.errors import MriloopError
from mriloop.model.fact import Truth
from mriloop.model.quality import Severity
from mriloop.stages.check.protocol.adopt import adopt

SCHEMA = {
    "name": "Brain study",
    "version": "2.1",
    "rules": [{"id": "x", "name": "Whole", "implementation": "raise SystemExit('run')", "fields": []}],
    "acquisitions": {
        "T1-weighted 3D post-contrast": {
            "description": "MPRAGE",
            "fields": [
                {"field": "RepetitionTime", "tag": "0018,0080", "value": 2000, "tolerance": 50},
                {"field": "EchoTime", "value": 3, "tolerance": 0.1, "errorTolerance": 0.5},
                {"field": "FlipAngle", "min": 8, "max": 12, "errorMax": 20, "severity": "warning", "notes": "why"},
                {"field": "ScanningSequence", "contains_all": ["GR", "IR"]},
                {"field": "MRAcquisitionType", "value": "3D"},
                {"field": "PixelSpacing", "value": [1.0, 1.0], "tolerance": 0.1},
                {"field": "ReceiveCoilName", "value": "Head_32"},
                {"field": "ContrastBolusAgent", "contains_any": ["gado"]},
                {"field": "SAR", "value": 0.1},
                {"field": "PostLabelDelay", "value": 1800},
                {"field": "Rows", "value": {"nested": 1}},
                {"field": "ScanOptions"},
            ],
            "rules": [{"id": "cov", "name": "Coverage", "implementation": "open('/x','w')", "fields": ["A"]}],
        },
        "Diffusion": {
            "fields": [],
            "series": [
                {"name": "b0", "fields": [{"field": "DiffusionBValue", "value": [0, 1000]}]},
                {"name": "b2", "fields": [{"field": "DiffusionBValue", "value": [0, 2000]}]},
            ],
        },
        "Mystery": {"fields": [{"field": "EchoTime", "value": 5}]},
        "Localizer": {"fields": [{"field": "EchoTime", "value": 5}]},
    },
}
CARD = "<ProtParameter><Label>{}</Label><ValueAndUnit>{}</ValueAndUnit></ProtParameter>"
PRINTED = (
    "<PrintOut><PrintTOC><TOC><HeaderTitle>SIEMENS MAGNETOM Prisma</HeaderTitle></TOC></PrintTOC><PrintProtocol>"
    "<Protocol><SubStep><ProtHeaderInfo><HeaderProtPath>\\\\USER\\head\\study\\A\\t1_mprage_sag</HeaderProtPath>"
    "</ProtHeaderInfo><Card name='Routine'>"
    + "".join(
        CARD.format(*pair)
        for pair in [
            ("TR", "2.3 s"), ("TE", "2.98 ms"), ("TI", "900 ms"), ("Flip angle", "9 deg"), ("Averages", "1"),
            ("Slice thickness", "1.00 mm"), ("Dist. factor", "50 %"), ("Phase enc. dir.", "A &gt;&gt; P"),
            ("Coil elements", "HC1-7;NC1,2"), ("Phase partial Fourier", "7/8"), ("Fat suppr.", "None"),
            ("Bandwidth", "240 Hz/Px"), ("Slices", "176"), ("Dimension", "3D"), ("FoV read", "256 mm"),
            ("Position", "L2.4 P2.0 H0.0 mm"), ("Accel. factor PE", "two"),
        ]
    )
    + "</Card></SubStep><SubStep><ProtHeaderInfo><HeaderProtPath>\\\\USER\\head\\study\\B\\ep2d_diff</HeaderProtPath>"
    "</ProtHeaderInfo><Card name='Diff'>"
    + "".join(CARD.format(*pair) for pair in [("TE", "80 ms"), ("b-value 1", "0 s/mm²"), ("b-value 2", "1000 s/mm²")])
    + "</Card></SubStep></Protocol></PrintProtocol></PrintOut>"
)  # fmt: skip


def written(tmp_path, content, name="ref.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def imported(path, **more):
    return import_protocol(path, identity="own", title="", year=2026, **more)


def test_a_dicompare_schema_keeps_every_condition_it_can_and_names_the_rest(tmp_path):
    made = imported(written(tmp_path, SCHEMA))
    t1, dwi = made.protocol.series
    assert (t1.weightings, t1.contrast, t1.regions) == ((Weighting.T1,), Truth.TRUE, (Region.BRAIN,))
    assert dwi.weightings == (Weighting.DWI, Weighting.TRACE)
    rules = {rule.keyword: rule for rule in t1.fields}
    assert (rules["RepetitionTime"].value, rules["RepetitionTime"].tolerance) == (2000, 50)
    assert rules["RepetitionTime"].unit == "ms"
    assert (rules["EchoTime"].tolerance, rules["EchoTime"].major_tolerance) == (0.1, 0.5)
    flip = rules["FlipAngle"]
    assert (flip.minimum, flip.maximum, flip.major_maximum) == (8, 12, 20)
    assert (flip.severity, flip.because) == (Severity.INFO, "why")
    assert rules["ScanningSequence"].contains_all == ("GR", "IR")
    assert rules["PixelSpacing"].values == (1.0,)
    assert t1.coils[0].names == ("Head_32",)
    assert {s.title: s.fields[0].values for s in dwi.setups} == {"b0": (0.0, 1000.0), "b2": (0.0, 2000.0)}
    lost = {(one.where, one.what): one.why for one in made.left_out}
    assert "never run" in lost["T1-weighted 3D post-contrast", "rule Coverage"]
    assert "never run" in lost["all acquisitions", "rule Whole"]
    for what in ("SAR", "PostLabelDelay", "Rows", "ScanOptions"):
        assert ("T1-weighted 3D post-contrast", what) in lost
    assert ("Mystery", "acquisition") in lost
    assert ("Localizer", "acquisition") in lost
    assert read_protocol(made.text, "own.yaml") == made.protocol


def test_a_printed_siemens_protocol(tmp_path):
    made = imported(written(tmp_path, PRINTED, "ref.xml"))
    t1, dwi = made.protocol.series
    rules = {rule.keyword: rule for rule in t1.fields}
    assert (t1.title, t1.weightings) == ("t1_mprage_sag", (Weighting.T1,))
    assert (rules["RepetitionTime"].value, rules["EchoTime"].value, rules["InversionTime"].value) == (2300, 2.98, 900)
    assert rules["PhaseEncodingAxis"].one_of == ("AP",)
    assert rules["PartialFourier"].one_of == ("YES",)
    assert rules["FatSuppression"].one_of == ("NO",)
    assert rules["SliceGap"].value == 0.5
    assert rules["Slices"].minimum == 176
    assert t1.coils[0].elements == ("HC1-7;NC1,2",)
    assert {rule.keyword: rule.values for rule in dwi.fields}["BValues"] == (0.0, 1000.0)
    assert any(one.what == "Accel. factor PE" for one in made.left_out)
    only = imported(written(tmp_path, PRINTED, "ref.xml"), program="B")
    assert [line.title for line in only.protocol.series] == ["ep2d_diff"]


def test_an_mrqa_configuration_says_what_is_audited(tmp_path):
    names = ["RepetitionTime", "PhaseEncodingDirection", "ShimMode"]
    config = {
        "include_sequence": {}, "horizontal_audit": {"include_parameters": names},
        "vertical_audit": {"sequences": [["rest", "fieldmap"]]},
    }  # fmt: skip
    path = written(tmp_path, config, "mri-config.json")
    made = imported(written(tmp_path, PRINTED, "ref.xml"), config=path)
    t1 = made.protocol.series[0]
    assert {rule.keyword for rule in t1.fields} == {"RepetitionTime", "PhaseEncodingAxis"}
    lost = {(one.where, one.what) for one in made.left_out}
    assert ("t1_mprage_sag", "ShimMode") in lost
    assert ("vertical audit", "rest and fieldmap") in lost
    with pytest.raises(MriloopError, match="--config"):
        imported(path)


BOMB = "<!DOCTYPE a [<!ENTITY x '" + "y" * 100 + "'><!ENTITY z '" + "&x;" * 100 + "'>]><a>&z;</a>"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "neither JSON nor XML"),
        ("hello", "neither JSON nor XML"),
        ("{", "not JSON"),
        ("[1]", "neither"),
        ("{}", "no acquisitions"),
        ('{"acquisitions": {"Mystery": {"fields": []}}}', "can be told"),
        ('{"acquisitions": {"T1": 3}}', "can be told"),
        ("<a>", "not well-formed"),
        ("<a/>", "no cards"),
        (BOMB, "document type declaration"),
        ("[" * 100_000, "neither"),
        ('{"acquisitions":' + "[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_reference_is_refused_with_the_reason(tmp_path, content, words):
    with pytest.raises(MriloopError) as caught:
        imported(written(tmp_path, content))
    assert caught.value.code == "reference_unreadable"
    assert words in caught.value.message


@pytest.mark.skipif(
    "MRILOOP_PEER_HEADERS" not in os.environ, reason="set MRILOOP_PEER_HEADERS: a Python with dicompare"
)
def test_the_schemas_that_dicompare_ships():
    """Counted against the files themselves: every field is carried over or named as lost, and every rule is named."""
    lib = Path(os.environ["MRILOOP_PEER_HEADERS"]).parents[1] / "lib"
    paths = [p for p in sorted(lib.glob("python*/site-packages/dicompare/schemas/*.json")) if p.stem != "index"]
    assert len(paths) >= 9
    for path in paths:
        content = json.loads(path.read_text(encoding="utf-8"))
        found, left = adopt(read_foreign(path), identity="x", title="", year=2026, readable=READABLE)
        assert found is not None
        unread = {one.where for one in left if one.what == "acquisition"}
        for name, acquisition in content["acquisitions"].items():
            rules = [r for r in left if r.where == name and r.what.startswith("rule ")]
            assert len(rules) == len(acquisition.get("rules", []))
            if name in unread:
                continue
            line = next(line for line in found.series if line.title == name)
            carried = len(line.fields) + len(line.coils) + sum(len(s.fields) for s in line.setups)
            fields = acquisition.get("fields", []) + [f for s in acquisition.get("series", []) for f in s["fields"]]
            lost = [o for o in left if o.where.startswith(name) and not o.what.startswith("rule ")]
            agents = (
                sum(f["field"] == "ContrastBolusAgent" for f in fields) if line.contrast is not Truth.UNKNOWN else 0
            )
            assert carried + agents + len(lost) >= len(fields), (path.name, name)


def run(*words):
    return CliRunner().invoke(app, ["protocol", *(str(word) for word in words)])


def test_the_commands_of_the_shelf(tmp_path):
    listed = json.loads(run("list", "--json").stdout)
    assert {"ms_brain", "knee"} <= {row["id"] for row in listed["protocols"]}
    assert "SliceThickness" in run("show", "prostate").stdout
    assert json.loads(run("show", "prostate", "--json").stdout)["protocol"]["id"] == "prostate"
    assert run("lint").exit_code == 0
    bad = written(tmp_path, "{id: a, title: b, version: '1', regions: [brain], citations: [{text: t, year: 2020, "
                  "locator: l, mark: M}], series: [{id: x, title: y, weighting: [T1], fields: [{keyword: EcoTime, "
                  "value: 3}]}]}", "own.yaml")  # fmt: skip
    linted = run("lint", bad)
    assert linted.exit_code == 3
    assert "unknown_field" in linted.stdout
    changed = json.loads(run("diff", "ms_brain", "ms_cord", "--json").stdout)["differences"]
    assert {"where": "series flair", "one": "T2-FLAIR (3-D preferred)", "two": "absent"} in changed
    assert "no difference" in run("diff", "knee", "knee").stdout


def test_import_writes_a_file_that_lint_accepts(tmp_path):
    out = tmp_path / "site" / "protocols" / "own.yaml"
    done = run("import", written(tmp_path, SCHEMA), "--id", "own", "--out", out)
    assert done.exit_code == 0
    assert "not imported: all acquisitions: rule Whole: program code, which is never run" in done.stderr
    assert (
        json.loads(run("show", "own", "--site", tmp_path / "site", "--json").stdout)["protocol"]["title"]
        == SCHEMA["name"]
    )
    made = json.loads(run("import", written(tmp_path, SCHEMA), "--id", "own", "--json").stdout)
    assert made["left_out"]
    assert read_protocol(made["yaml"], "x").id == "own"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("show", "nothing"), 3, "there is no protocol called nothing"),
        (("import", "/nowhere.json", "--id", "own"), 3, "cannot be opened"),
        (("import", "/nowhere.json", "--id", "../own"), 2, "letters, digits and _"),
    ],
)
def test_clear_errors(words, code, says, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["mriloop", "protocol", *words])
    assert guarded(app) == code
    assert says in capsys.readouterr().err
