"""Letters and reports on paper: what is said arrives as text, and nothing in it is ever run."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from mriloop.edges.channels import letter_pdf, report_pdf
from mriloop.model.communication import Addressee, LetterPart
from mriloop.model.errors import MriloopError
from mriloop.model.report import Objection
from mriloop.model.study import Identity

HOSTILE = [
    '#panic("run")',
    "#sys.inputs.data",
    '#read("/etc/passwd")',
    "*bold* _italic_ $x^2$ `raw` <label> @reference",
    "= Heading",
    "\\#{ ] [ } \" ' \\u{41}",
    "// a comment /* and another */",
    "https://example.org/?a=1&b=2",
    "[[click]](here)",
    "Σίσυφος — Łódź — Владимир",
]


@pytest.mark.component("pdftotext")
def test_a_letter_arrives_word_for_word(make, tmp_path, printed):
    path = tmp_path / "letter.pdf"
    letter_pdf.write(
        make.letter(),
        path,
        letterhead=make.clinic,
        addressee=Addressee(name="Jo O'Neill", address=("12 Mill Lane", "Springfield")),
    )
    text = printed(path)
    for words in (
        "Riverside Imaging Center · 1 River Road",
        "Jo O’Neill",
        "12 Mill Lane",
        "May 4, 2026",
        "Why you need another scan",
        "Dear Jo O’Neill,",
        "We need to take the pictures again.",
        "• You feel ill.",
        "With kind regards,",
        "Phone 555-0100",
        "Page 1 of 1",
    ):
        assert words in text


@pytest.mark.component("pdftotext")
def test_without_an_addressee_nobody_is_named(make, tmp_path, printed):
    letter_pdf.write(make.letter(), tmp_path / "x.pdf", letterhead=make.clinic)
    assert "Hello," in printed(tmp_path / "x.pdf")
    assert "Dear" not in printed(tmp_path / "x.pdf")


@pytest.mark.component("pdftotext")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_markup_in_the_data_stays_text(make, tmp_path, printed, hostile):
    path = tmp_path / "x.pdf"
    letter = make.letter(hostile, f"- {hostile}", title=hostile, parts=(LetterPart(heading=hostile, count=2),))
    letter_pdf.write(letter, path, letterhead=make.clinic, addressee=Addressee(name=hostile, address=(hostile,)))
    plain = re.sub(r"\s+", "", hostile).replace("'", "’")
    assert re.sub(r"\s+", "", printed(path)).count(plain) >= 5
    report_pdf.write(make.draft(hostile), path, clinic=hostile)
    assert re.sub(r"\s+", "", printed(path)).count(plain) >= 2


@pytest.mark.component("pdftotext")
def test_a_draft_says_so_and_lists_what_is_missing(make, tmp_path, printed):
    objection = Objection(code="x", text="the window is missing", remedy="set it")
    report_pdf.write(make.draft(objections=(objection,)), tmp_path / "draft.pdf")
    text = printed(tmp_path / "draft.pdf")
    assert "Draft, not signed" in text
    assert "The window is missing. Set it." in text
    assert "SHA-256" not in text


@pytest.mark.component("pdftotext")
def test_every_page_of_a_long_draft_carries_the_mark(make, tmp_path, printed):
    report_pdf.write(make.draft(*["One more line of the findings."] * 200), tmp_path / "draft.pdf")
    pages = printed(tmp_path / "draft.pdf").rstrip("\f").split("\f")
    assert len(pages) > 2
    assert all("Draft, not signed · Study 1.2.3" in page for page in pages)


@pytest.mark.component("pdftotext")
def test_a_signed_report_names_its_signer_and_digest_and_carries_no_mark(make, tmp_path, printed):
    report = make.report("A small cyst.")
    report_pdf.write(report, tmp_path / "report.pdf", patient=Identity(patient="p", name="Jo Doe", patient_id="42"))
    text = printed(tmp_path / "report.pdf")
    assert "Draft" not in text
    assert "Signed by Ada Roe, radiologist, on 2026-05-04 at 10:30 UTC." in text
    assert report.digest in text
    assert "Jo Doe (42)" in text


@pytest.mark.component("pdftotext")
def test_a_greeting_never_stands_alone_on_a_page(make, tmp_path, printed):
    """For every length of letter: the last page holds the last part together with the closing."""
    for count in range(20, 44, 2):
        told = tuple(f"Line {number} of the letter." for number in range(count))
        parts = (LetterPart(heading="A", count=count - 2), LetterPart(heading="Last part", count=2))
        letter_pdf.write(make.letter(*told, parts=parts), tmp_path / "x.pdf", letterhead=make.clinic)
        last = printed(tmp_path / "x.pdf").rstrip("\f").split("\f")[-1]
        assert "Last part" in last
        assert "With kind regards" in last


@pytest.mark.component("pdftotext")
def test_a_draft_has_its_mark_across_the_page_and_a_signed_report_has_none(make, tmp_path):
    report_pdf.write(make.draft(), tmp_path / "draft.pdf")
    report_pdf.write(make.report(), tmp_path / "report.pdf")
    for name, marked in (("draft", True), ("report", False)):
        picture = render(tmp_path / f"{name}.pdf")
        reddish = (picture[..., 0] > 200) & (picture[..., 1] < picture[..., 0] - 12)
        assert bool(reddish.sum() > 5_000) is marked


def render(path):
    """Return the first page as typst does not see it: rendered by poppler at 50 dots per inch."""
    program = shutil.which("pdftoppm")
    assert program is not None
    out = path.with_suffix("")
    subprocess.run([program, "-r", "50", "-png", "-singlefile", str(path), str(out)], check=True)
    return np.asarray(Image.open(out.with_suffix(".png")).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", ["東京 太郎", "محمد", "ไทย", "שלום"])
def test_a_name_in_a_script_without_a_font_is_printed_or_refused_with_a_remedy(make, tmp_path, name):
    path = tmp_path / "x.pdf"
    try:
        letter_pdf.write(make.letter(), path, letterhead=make.clinic, addressee=Addressee(name=name))
    except MriloopError as error:
        assert error.code == "component_missing"
        assert name not in str(error)
    else:
        assert path.read_bytes().startswith(b"%PDF")


@pytest.mark.component("pdftotext")
def test_control_characters_are_left_out(make, tmp_path, printed):
    letter_pdf.write(make.letter("a\x00b\x1bc\u202ed\ud800"), tmp_path / "x.pdf", letterhead=make.clinic)
    assert "abcd" in printed(tmp_path / "x.pdf")


def metadata(path):
    return path.read_bytes().decode("latin-1")


def test_the_pdf_declares_archive_and_accessibility_standards(make, tmp_path):
    letter_pdf.write(make.letter(language="es"), tmp_path / "x.pdf", letterhead=make.clinic)
    report_pdf.write(make.report(), tmp_path / "y.pdf")
    for path, language in ((tmp_path / "x.pdf", "es"), (tmp_path / "y.pdf", "en")):
        raw = metadata(path)
        assert re.search(r"<pdfaid:part>2</pdfaid:part>", raw)
        assert re.search(r"<pdfaid:conformance>A</pdfaid:conformance>", raw)
        assert re.search(r"<pdfuaid:part>1</pdfuaid:part>", raw)
        assert "/MarkInfo" in raw
        assert "/StructTreeRoot" in raw
        assert f"/Lang({language})" in raw.replace("/Lang (", "/Lang(")
        assert "/JavaScript" not in raw
        assert "/EmbeddedFile" not in raw


@pytest.mark.component("pdftotext")
def test_every_font_is_inside_the_file(make, tmp_path):
    letter_pdf.write(make.letter("Ελληνικά and Łódź"), tmp_path / "x.pdf", letterhead=make.clinic)
    program = shutil.which("pdffonts")
    assert program is not None
    rows = subprocess.run([program, str(tmp_path / "x.pdf")], capture_output=True, check=True, text=True).stdout
    fonts = [line.split() for line in rows.splitlines()[2:]]
    assert fonts
    assert all(row[-5] == "yes" for row in fonts)
    assert {"Libertinus" in row[0] for row in fonts} == {True}


def test_the_same_letter_is_the_same_file(make, tmp_path):
    for name in ("a.pdf", "b.pdf"):
        letter_pdf.write(make.letter(), tmp_path / name, letterhead=make.clinic)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_a_place_that_cannot_be_written_is_refused(make, tmp_path):
    (tmp_path / "file").write_text("x")
    for write in (
        lambda path: letter_pdf.write(make.letter(), path, letterhead=make.clinic),
        lambda path: report_pdf.write(make.draft(), path),
    ):
        with pytest.raises(MriloopError) as caught:
            write(tmp_path / "file" / "x.pdf")
        assert caught.value.code == "out_not_writable"


def test_every_letter_has_enough_contrast():
    """WCAG 2.2 asks for 7:1 (AAA) of text on its ground; colours are read from the template itself."""
    from mriloop.edges.channels.typeset import PAGES

    def luminance(colour):
        channels = [int(colour[index : index + 2], 16) / 255 for index in (0, 2, 4)]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    colours = dict(re.findall(r'#let (\w+) = rgb\("#([0-9a-f]{6})"\)', (PAGES / "house.typ").read_text()))
    assert set(colours) == {"ink", "accent", "alarm", "quiet"}
    for colour in colours.values():
        assert 1.05 / (luminance(colour) + 0.05) >= 7
