"""Tables and group report against closed forms: cells, z-scores, counts, and a page that says what the rows say."""

import csv
import html
import re
from pathlib import Path

import pytest

from mriloop.edges.publish.group import group_html
from mriloop.edges.publish.tables import Column, with_measures, write_csv
from mriloop.edges.publish.tables.mriqc import ANATOMICAL, DIFFUSION, FUNCTIONAL, mriqc_values
from mriloop.edges.publish.tables.outliers import LEAST, spreads

SNR = Column(name="snr", kind="number", unit="1", meaning="x", better="higher")
TEXT = Column(name="words", kind="text", meaning="x")


def row(number: int, snr: float | None = None, **more: object) -> dict[str, object]:
    base = {
        "study_instance_uid": f"1.2.{number // 2}",
        "series_instance_uid": f"1.2.3.{number}",
        "series_number": number,
        "weighting": "T1",
        "region": "brain",
        "three_d": "yes",
        "derived": "no",
        "verdict": "acceptable",
        "superseded": "no",
        "defects": "",
        "reasons": "",
        "manufacturer": "MAKER",
        "model": "MODEL",
        "snr": snr,
    }
    return {**base, **more}


def test_no_cell_can_run_as_a_formula_and_no_line_breaks(tmp_path: Path):
    rows = [{"words": "=HYPERLINK(1)"}, {"words": "two\nlines"}, {"words": None}, {"words": "-1"}]
    write_csv(tmp_path / "x.csv", rows, [TEXT])
    with (tmp_path / "x.csv").open(newline="") as file:
        assert [cells[0] if cells else "" for cells in csv.reader(file)][1:] == [
            "'=HYPERLINK(1)",
            "two lines",
            "",
            "'-1",
        ]


def test_a_table_is_whole_or_not_there(tmp_path: Path):
    def broken():
        yield {"words": "one"}
        raise RuntimeError

    write_csv(tmp_path / "x.csv", [{"words": "old"}], [TEXT])
    with pytest.raises(RuntimeError):
        write_csv(tmp_path / "x.csv", broken(), [TEXT])
    assert (tmp_path / "x.csv").read_text() == "words\nold\n"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_z_is_the_one_of_iglewicz_and_hoaglin():
    # median 10, absolute deviations 3 2 1 0 1 2 3 10 and their median 2: z of 0 is 0.6745 x -10 / 2
    values = [7, 8, 9, 10, 10, 11, 12, 13, 0]
    (spread,) = spreads([row(n, value) for n, value in enumerate(values)], SNR)
    deviations = sorted(abs(value - 10) for value in values)
    assert spread.median == 10
    ((number, value, z),) = spreads([row(n, v) for n, v in enumerate([*values[:-1], -20])], SNR)[0].apart
    assert (number, value) == (8, -20)
    assert z == pytest.approx(0.6745 * -30 / deviations[4])


def test_only_the_worse_side_stands_apart_and_few_series_tell_nothing():
    values = [10 + n % 3 for n in range(20)] + [500]
    assert spreads([row(n, value) for n, value in enumerate(values)], SNR)[0].apart == ()
    assert spreads([row(n, 10) for n in range(LEAST - 1)], SNR) == ()


def test_unlike_series_and_those_without_a_score_are_not_compared():
    rows = [row(n, 10 + n % 2) for n in range(10)] + [
        row(90, 1, weighting="BOLD"),
        row(91, 1, verdict="not_assessable"),
    ]
    (spread,) = spreads(rows, SNR)
    assert len(spread.values) == 10
    assert spread.apart == ()


def test_the_page_counts_what_the_rows_say():
    rows = [row(n, 20 + n % 3) for n in range(16)]
    rows += [
        row(20, 2, verdict="repeat", defects="low_snr motion", reasons="low_snr"),
        row(21, 21, verdict="repeat", defects="motion", reasons="motion", superseded="yes"),
        row(22, None, verdict="not_assessable", object="phantom", defects="phantom"),
    ]
    page = html.unescape(group_html(rows, with_measures([SNR])))
    assert "19 series of" in page
    assert "5.9 %" in page, "1 of 17 scored, the replaced one aside"
    assert re.search(r"motion</th><td class=\"num\">2</td><td class=\"num\">0</td>", page)
    assert re.search(r"low snr</th><td class=\"num\">1</td><td class=\"num\">1</td>", page)
    links = set(re.findall(r'href="#(s\d+)"', page))
    assert links == {"s16"}
    assert all(f'id="{link}"' in page for link in links)
    assert page.count("<tr id=") == 19, "all rows are in the page without its script"
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)


def test_the_page_escapes_what_a_sender_wrote():
    page = group_html([row(1, 1.0, description="<script>alert(1)</script>")], with_measures([SNR]))
    assert "<script>alert" not in page


def test_the_columns_of_mriqc_are_those_of_its_tables():
    # numbers of columns of MRIQC 24's own group tables, beside bids_name
    assert len(ANATOMICAL) == len(set(ANATOMICAL)) == 68
    assert {"tsnr", "fd_mean", "dvars_std", "aor", "aqi", "gcor", "size_t", "spacing_tr"} <= set(FUNCTIONAL)
    assert len(FUNCTIONAL) == 44
    assert len(set(DIFFUSION)) == len(DIFFUSION)
    series = {"measures": {"entropy_focus": {"value": 0.5, "unit": "{index}"}, "cjv": {"not_assessable": "no tissue"}}}
    values = mriqc_values(series, {"size": [4, 5, 6, 1], "spacing": [1.0, 2.0, 3.0]}, "T1w")
    assert (values["efc"], values["cjv"], values["size_y"], values["spacing_z"]) == (0.5, None, 5, 3.0)
    assert "size_t" not in values
