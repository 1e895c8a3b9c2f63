"""The page as a document: safe against what it shows, complete for who cannot see it, small enough to be mailed."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from mriloop.edges.publish import figures
from mriloop.edges.publish.page import review_html, write_review, write_start_page
from mriloop.edges.publish.render import asset
from mriloop.edges.publish.view import Figure, ReviewView, StartEntry, StudySummary, summarise
from mriloop.edges.publish.words import ORDERS, all_windows, clip, sentences
from mriloop.model.advice import Advice, Undetermined
from mriloop.model.errors import OperatorError
from mriloop.model.follow_up import Clock
from mriloop.model.quality import Verdict
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.model.volume import Volume

HOSTILE = "<script>window.pwned=1</script>\"'><img src=x onerror=alert(1)>{{ 191*7 }}"
BLOCKS = {"article", "details", "div", "dl", "figure", "h2", "h3", "h4", "ol", "p", "section", "table", "ul"}
VOID = {"meta", "link", "img", "br", "input", "hr"}


class Page(HTMLParser):
    """Collects what the tests ask about, and complains of tags that do not close in order."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.stack, self.text, self.headings = [], [], [], []
        self.feed(html)
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        assert "p" not in self.stack or tag not in BLOCKS, f"a browser would end the paragraph before <{tag}>"
        if tag not in VOID:
            self.stack.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def html(full_view):
    return review_html(full_view)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def views(samples):
    yield samples.full_view()
    yield samples.full_view(report=samples.signed(samples.draft()), advice=None)
    yield samples.calm_view()
    yield samples.blocked_view()
    yield ReviewView(study=StudySummary(label="Nothing"), generated_at=samples.NOW, today=samples.TODAY)


def hostile(value):
    """The same nouns with every text replaced by something that wants to be markup."""
    if isinstance(value, str) and type(value) is str:
        return HOSTILE
    if dataclasses.is_dataclass(value) and not isinstance(value, Figure):
        kept = {"unit", "href", "outcome", "png", "language", "study_instance_uid"}
        changes = {
            field.name: hostile(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name not in kept
        }
        return dataclasses.replace(value, **changes)
    if isinstance(value, tuple):
        return tuple(hostile(one) for one in value)
    if isinstance(value, dict):
        return {key: hostile(one) for key, one in value.items()}
    return value


def test_whatever_a_text_says_it_stays_text(samples):
    view = samples.full_view()
    checked = hostile(dataclasses.replace(view, mosaics={}))
    page = Page(review_html(checked))
    assert "script" not in {tag for tag, _ in page.tags}
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    assert all(attrs["src"].startswith("data:image/") for attrs in page.all("img"))
    assert "1337" not in "".join(page.text)  # a template inside a value is not filled
    assert "window.pwned" in "".join(page.text)


def test_the_policy_lets_in_the_one_style_sheet_and_nothing_else(html, page):
    (policy,) = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", html, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert not [attrs for _, attrs in page.tags if "style" in attrs]


def test_nothing_is_asked_for_from_outside(html, page):
    for tag, attrs in page.tags:
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            target = attrs.get(name)
            if target is not None:
                assert re.match(r"(#|data:|[\w./-]+$)", target), (tag, target)
    assert "@import" not in html
    assert "url(http" not in html


def test_every_view_is_a_well_formed_page_in_order(samples):
    for view in views(samples):
        page = Page(review_html(view))
        assert page.all("html")[0]["lang"] == "en"
        assert page.headings.count(1) == 1
        assert page.headings[0] == 1
        steps = [after - before for before, after in zip(page.headings, page.headings[1:], strict=False)]
        assert max(steps, default=0) <= 1
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs and attrs["id"] != "past-hatch"]
        assert len(ids) == len(set(ids))
        for attrs in page.all("a"):
            if attrs["href"].startswith("#"):
                assert attrs["href"][1:] in ids, attrs["href"]


def test_tables_have_captions_and_scopes_and_pictures_have_words(page):
    tables, captions = len(page.all("table")), len(page.all("caption"))
    assert tables == captions >= 5
    assert all("scope" in attrs for attrs in page.all("th"))
    assert all(len(attrs["alt"]) > 5 for attrs in page.all("img"))
    assert all(attrs.get("role") == "img" or attrs.get("aria-hidden") == "true" for attrs in outer_svgs(page))


def outer_svgs(page):
    return [attrs for attrs in page.all("svg") if "x" not in attrs]


def test_the_page_says_that_it_proposes_and_a_draft_that_it_is_one(samples, page):
    text = " ".join(" ".join(page.text).split())
    assert "proposals for a person to judge, never orders" in text
    assert "Draft. Not signed by anyone. It may not leave the house." in text
    signed = review_html(samples.full_view(report=samples.signed(samples.draft())))
    assert "by Dr Ada Example, radiologist, 2 Mar 2026" in signed
    assert "Not signed by anyone" not in signed


def test_an_unsigned_letter_is_not_for_sending(samples):
    assert "not for sending" in review_html(samples.full_view(letters=samples.letters(signed=False)))
    assert "not for sending" not in review_html(samples.full_view())


def test_a_letter_keeps_its_parts_and_its_lists(html):
    flat = re.sub(r">\s+<", "><", html)
    assert "<h4>What you can do</h4><p>We need one part again.</p><ul><li>Lie still.</li><li>Tell us" in flat
    assert "grade 3.2 (Flesch-Kincaid), 5.4 (SMOG)" in flat
    assert "Ease: 90 (Fernández-Huerta)" in flat


@pytest.mark.parametrize("outcome", sorted(ORDERS))
def test_every_answer_of_the_order_check_has_its_words(samples, outcome):
    view = samples.blocked_view()
    order = dataclasses.replace(view.order, outcome=outcome, questions=("Is there a pacemaker?",))
    text = review_html(dataclasses.replace(view, order=order))
    assert ORDERS[outcome][0] in text
    assert "Is there a pacemaker?" in text
    assert ("Do not scan as ordered" in text) == (outcome in ("block", "hold"))


def test_answers_about_the_order_are_not_next_steps(samples):
    step = dataclasses.replace(samples.advice().recommendations[0], step="block_order", text="Blocked answer")
    view = dataclasses.replace(samples.blocked_view(), advice=Advice(recommendations=(step,)))
    assert "Blocked answer" not in review_html(view)


def test_other_authorities_stand_beside_the_default_and_not_in_its_place(samples):
    text = review_html(samples.full_view())
    other = "MRI of the brain with T2 and contrast-enhanced T1 at 12 months"
    assert f"<h3>{other}</h3>" not in text
    assert text.count(other) == 1  # on its side of the conflict, and not on the timeline
    assert "MAGNIMS-CMSC-NAIMS 2021, the default here" in text
    alone = dataclasses.replace(samples.advice(), conflicts=())
    assert f"<h3>{other}</h3>" in review_html(samples.full_view(advice=alone))


def test_what_did_not_change_is_folded_and_what_did_is_not(html):
    flat = re.sub(r">\s+<", "><", html)
    changed = flat.index("<caption>Candidate changes")
    assert "Stable" not in flat[changed : flat.index("</table>", changed)]
    assert re.search(r"<details class=.basis.><summary>1 lesion that did not change</summary><table", flat)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("no owner", "name one"), "No owner. Name one."),
        (("Is it so?", ""), "Is it so?"),
        (("", " "), ""),
        (("ΔT is high.",), "ΔT is high."),
    ],
)
def test_texts_become_sentences(texts, said):
    assert sentences(*texts) == said


def test_a_schedule_that_repeats_the_next_window_is_told_once(samples, html):
    step = samples.advice().recommendations[0]
    assert step.window in step.schedule
    assert [one.target.isoformat() for one in all_windows(step)] == ["2026-09-02", "2027-09-02", "2028-09-02"]
    assert "<strong>Then</strong> 2 Sep 2027, 2 Sep 2028; after that a person sets the date." in html


def test_a_name_of_a_series_is_shown_as_the_scanner_wrote_it(samples):
    check = samples.study_check()
    named = dataclasses.replace(check.series[0], description="ep2d_diff_tra_DYNDIST")
    text = review_html(dataclasses.replace(samples.calm_view(), check=dataclasses.replace(check, series=(named,))))
    assert "<h4>Series 5, ep2d_diff_tra_DYNDIST</h4>" in text


def test_a_long_text_is_cut_at_a_word():
    assert clip("short") == "short"
    assert clip("one two three (four", 16) == "one two three…"
    assert len(clip("word " * 100)) <= 181


def test_every_series_and_every_change_stands_in_the_page(samples, page):
    text = " ".join(page.text)
    for series in samples.study_check().series:
        assert series.description in text
        assert series.series_instance_uid in text
    for word in (
        "New",
        "Enlarging",
        "Shrinking",
        "Stable",
        "Repeat",
        "Limited",
        "Acceptable",
        "Not assessable",
        "Not an image",
    ):
        assert word in text
    assert "not assessable: the background was masked by the scanner" in text
    assert "the series is to be repeated for motion" in text


def test_what_is_unknown_is_asked_and_never_read_as_no(samples):
    advice = Advice(
        recommendations=(),
        undetermined=(Undetermined(guideline="g", missing=("fever",), questions=("Is there fever?",)),),
    )
    text = review_html(dataclasses.replace(samples.calm_view(), advice=advice))
    assert "Is there fever?" in text
    assert "What is unknown is not taken as “no”." in text


def test_status_is_a_word_wherever_it_is_a_colour(samples):
    for verdict in Verdict:
        check = dataclasses.replace(samples.study_check(), verdict=verdict)
        series = tuple(dataclasses.replace(one, verdict=verdict) for one in check.series)
        text = review_html(dataclasses.replace(samples.calm_view(), check=dataclasses.replace(check, series=series)))
        pills = re.findall(r'<span class="pill [\w-]+"><svg.*?</svg>(.*?)</span>', text)
        assert pills
        assert all(pills)
    for clock in Clock:
        owed = dataclasses.replace(samples.follow_ups()[0], clock=clock)
        text = review_html(dataclasses.replace(samples.calm_view(), follow_ups=(owed,)))
        assert "Date to be set by a person" in text if clock is Clock.INDIVIDUALISE else clock.value[:3] in text.lower()


def test_ten_noisy_series_stay_under_8_mb(samples, tmp_path):
    rng = np.random.default_rng(0)
    noise = Volume(
        data=rng.normal(100, 30, (256, 256, 18)).astype(np.float32), affine=np.eye(4), series_instance_uid="1"
    )
    mosaic = figures.mosaic(noise)
    colourful = Figure(png=png_of_noise(rng), alt="Three panels.", caption="")
    base = samples.study_check()
    series = tuple(
        dataclasses.replace(base.series[0], series_instance_uid=f"1.{n}", series_number=n) for n in range(10)
    )
    view = samples.full_view(
        check=dataclasses.replace(base, series=series),
        mosaics={f"1.{n}": Figure(png=mosaic, alt="noise", caption="") for n in range(10)},
        triptychs=tuple(dataclasses.replace(samples.pictures()[1][0], figure=colourful) for _ in range(8)),
    )
    path = write_review(view, tmp_path / "out")
    assert path.stat().st_size <= 8_000_000
    assert path.read_text().count("<img") == 18


def png_of_noise(rng):
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (650, 912, 3), dtype=np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def test_the_page_is_written_whole_into_a_new_folder(samples, tmp_path):
    path = write_review(samples.calm_view(), tmp_path / "a" / "b")
    assert path == tmp_path / "a" / "b" / "index.html"
    assert [one.name for one in path.parent.iterdir()] == ["index.html"]
    write_review(samples.blocked_view(), tmp_path / "a" / "b")
    assert "Do not scan as ordered" in path.read_text(encoding="utf-8")


def test_a_file_in_the_way_is_refused_with_its_code(samples, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OperatorError) as caught:
        write_review(samples.calm_view(), tmp_path / "file")
    assert caught.value.code == "usage_not_a_folder"
    with pytest.raises(OperatorError) as caught:
        write_review(samples.calm_view(), tmp_path / "file" / "below")
    assert caught.value.code == "out_not_writable"


def test_the_start_page_links_each_patient_with_the_answer(samples, tmp_path):
    entries = [
        StartEntry(title="MS <b>", story="Two new lesions.", href="ms/index.html", view=samples.full_view()),
        StartEntry(title="Order", story="Contrast only.", href="order/index.html", view=samples.blocked_view()),
        StartEntry(title="Calm", story="Nothing.", href="calm/index.html", view=samples.calm_view()),
    ]
    page = Page(write_start_page(entries, tmp_path).read_text(encoding="utf-8"))
    links = [attrs["href"] for attrs in page.all("a") if not attrs["href"].startswith("#")]
    assert links == [entry.href for entry in entries]
    text = " ".join(page.text)
    for words in (
        "MS <b>",
        "Repeat 1 of 4 series",
        "Do not scan as ordered",
        "Good enough to read",
        "Two new lesions.",
    ):
        assert words in text
    assert page.headings == [1, 2, 2, 2]


def test_a_summary_takes_over_neither_pseudonym_nor_accession():
    series = Series(
        series_instance_uid="1.2",
        study_instance_uid="1",
        modality="MR",
        object=SeriesObject.IMAGE,
        parameters={"Manufacturer": "Works", "ManufacturerModelName": "One", "MagneticFieldStrength": 1.5},
    )
    study = Study(study_instance_uid="1", patient="secret-p", accession="secret-a", series=(series,), age_years=15.0)
    summary = summarise(study, "Demo patient")
    assert summary.scanner == "Works One 1.5 T"
    assert "secret" not in repr(summary)


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_reach_wcag_aa(scheme):
    css = asset("style.css")
    blocks = re.findall(r":root \{(.*?)\}", css, re.S)[: 1 if scheme == "light" else 2]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", " ".join(blocks)))
    grounds = ("paper", "desk")
    for ink in ("ink", "quiet", "link", "brand", "good", "warn", "bad", "line-1", "line-2", "line-3"):
        for ground in grounds:
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for ink, ground in (
        ("good", "good-wash"),
        ("warn", "warn-wash"),
        ("bad", "bad-wash"),
        ("ink", "bad-wash"),
        ("ink", "warn-wash"),
        ("quiet", "warn-wash"),
        ("ink", "brand-wash"),
        ("quiet", "brand-wash"),
        *(("ink", f"heat-{step}") for step in range(5)),
    ):
        assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for mark, ground in (("edge", "paper"), ("brand", "brand-soft")):  # shapes that carry meaning: 3 to 1
        assert contrast(colours[mark], colours[ground]) >= 3.0, (mark, ground)
