"""The review page in a real Chromium: no error, no request, reflow, keyboard, names, contrast in both schemes."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest

from mriloop.edges.publish.page import write_review, write_start_page
from mriloop.edges.publish.view import StartEntry

pytestmark = [pytest.mark.component("chromium"), pytest.mark.xdist_group("chromium")]

# Every element with text of its own, with the colours that are really painted: contrast by the formula of WCAG 2.
CONTRAST = """
(() => {
  const parse = text => { const m = text.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1]; };
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => [c[0], c[1], c[2]].map(v => linear(v / 255))
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = node => { for (let n = node; n; n = n.parentElement) {
    const c = parse(getComputedStyle(n).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  const poor = []; let seen = 0;
  for (const node of document.querySelectorAll("body *")) {
    if (![...node.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    if (!node.checkVisibility() || ["TITLE", "DESC", "STYLE"].includes(node.tagName.toUpperCase())) continue;
    const style = getComputedStyle(node);
    const ink = parse(node instanceof SVGElement && style.fill !== "none" ? style.fill : style.color);
    const [high, low] = [light(ink), light(ground(node))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    seen += 1;
    if ((high + 0.05) / (low + 0.05) < (large ? 3 : 4.5)) poor.push(node.outerHTML.slice(0, 120));
  }
  return JSON.stringify([seen, poor]);
})()
"""


@pytest.fixture(scope="module")
def samples():
    path = Path(__file__).parents[1] / "unit" / "publish" / "samples.py"
    spec = importlib.util.spec_from_file_location("publish_samples", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    view = samples.full_view()
    (folder / "full").mkdir()
    (folder / "full" / "review.json").write_text("{}")
    evil = "</style></script><script>window.pwned=1</script><img src=http://127.0.0.1:9/x onerror=window.pwned=1>"
    check = dataclasses.replace(
        view.check, series=tuple(dataclasses.replace(one, description=evil) for one in view.check.series)
    )
    entries = [
        StartEntry(title="MS", story="Two new lesions.", href="full/index.html", view=view),
        StartEntry(title="Order", story="Contrast only.", href="blocked/index.html", view=samples.blocked_view()),
    ]
    return {
        "full": write_review(view, folder / "full"),
        "signed": write_review(samples.full_view(report=samples.signed(samples.draft())), folder / "signed"),
        "blocked": write_review(samples.blocked_view(), folder / "blocked"),
        "hostile": write_review(dataclasses.replace(view, check=check), folder / "hostile"),
        "start": write_start_page(entries, folder),
    }


@pytest.fixture(autouse=True)
def plain(browser):
    browser.size(1280)
    browser.media()


@pytest.mark.parametrize("name", ["full", "signed", "blocked", "hostile", "start"])
def test_it_loads_without_a_complaint_and_without_a_request(browser, pages, name):
    browser.open(pages[name])
    assert browser.complaints() == []
    asked = [url for url in browser.requests() if not url.startswith("data:")]
    assert asked == [pages[name].resolve().as_uri()]
    assert browser.run("window.pwned") is None
    broken = "[...document.images].filter(one => !one.complete || !one.naturalWidth).length"
    assert browser.run(broken) == 0
    if name == "full":
        assert browser.run("document.images.length") == 3


def test_the_tester_does_hear_complaints_and_requests(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<script>console.error('x')</script><img src='missing.png'>")
    browser.open(page)
    assert len(browser.complaints()) >= 1
    assert len(browser.requests()) == 2


@pytest.mark.parametrize("name", ["full", "blocked", "hostile", "start"])
@pytest.mark.parametrize("width", [640, 320], ids=["200-percent-of-1280", "400-percent-of-1280"])
def test_it_reflows_without_scrolling_sideways(browser, pages, name, width):
    browser.size(width)
    browser.open(pages[name])
    assert browser.run("document.scrollingElement.scrollWidth") <= width
    browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.run("document.scrollingElement.scrollWidth") <= width


def test_the_first_tab_shows_the_way_past_the_navigation(browser, pages):
    browser.open(pages["full"])
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run("document.activeElement.getBoundingClientRect().top") >= 0
    browser.press("Enter", text="\r")
    assert browser.run("location.hash") == "#main"
    browser.press("Tab")
    assert browser.run("!!document.activeElement.closest('main')") is True


def test_everything_that_can_be_reached_is_reached_by_tab_visibly_and_in_order(browser, pages):
    browser.media(prefers_reduced_motion="reduce")  # so that a place is where it is, not where it is scrolling to
    browser.open(pages["full"])
    reachable = browser.run(
        """[...document.querySelectorAll('a[href], summary, [tabindex="0"]')]
           .filter(one => one.checkVisibility()).length"""
    )
    look = """(() => { const node = document.activeElement, box = node.getBoundingClientRect(),
      style = getComputedStyle(node); const all = [...document.querySelectorAll("*")];
      return JSON.stringify([all.indexOf(node), node.tagName, style.outlineStyle, parseFloat(style.outlineWidth),
        box.bottom > 0 && box.top < innerHeight, node.outerHTML.slice(0, 80)]); })()"""
    places = []
    for _ in range(reachable + 1):
        browser.press("Tab")
        place, tag, style, width, on_screen, html = json.loads(browser.run(look))
        if tag == "BODY":
            break
        assert style == "solid" and width >= 2, html
        assert on_screen, html
        places.append(place)
    assert places == sorted(places)
    assert len(places) == reachable > 20


def test_a_fold_opens_by_keyboard(browser, pages):
    browser.open(pages["full"])
    browser.run("document.querySelector('#quality details.series:not([open]) > summary').focus()")
    fold = "document.activeElement.parentElement.open"
    assert browser.run(fold) is False
    browser.press("Enter", text="\r")
    assert browser.run(fold) is True


def test_a_link_to_a_closed_series_opens_it(browser, pages):
    browser.open(pages["full"])
    assert browser.run("document.querySelector('#series-2').closest('details').open") is False
    browser.run("document.querySelector('a[href=\"#series-2\"]').click()")
    browser.run("new Promise(done => setTimeout(done, 100))")
    assert browser.run("document.querySelector('#series-2').closest('details').open") is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["full", "signed", "blocked", "start"])
def test_text_has_contrast_as_it_is_painted(browser, pages, name, scheme):
    browser.media(prefers_color_scheme=scheme)
    browser.open(pages[name])
    browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    seen, poor = json.loads(browser.run(CONTRAST))
    assert poor == []
    assert seen > (100 if name == "full" else 10)


def test_a_machine_reader_finds_names_for_everything(browser, pages):
    browser.open(pages["full"])
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    named = {"link", "image", "table", "region", "heading", "navigation", "DisclosureTriangle", "columnheader"}
    found: dict[str, int] = {}
    for node in nodes:
        role = node.get("role", {}).get("value", "")
        if node.get("ignored") or role not in named:
            continue
        assert node.get("name", {}).get("value", "").strip(), node
        found[role] = found.get(role, 0) + 1
    assert {"link", "image", "table", "region", "heading", "navigation"} <= set(found)
    main = [node for node in nodes if node.get("role", {}).get("value") == "main"]
    assert len(main) == 1


def test_tables_stay_tables_on_a_telephone(browser, pages):
    browser.size(375)
    browser.open(pages["full"])
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    roles = [node.get("role", {}).get("value") for node in nodes if not node.get("ignored")]
    assert roles.count("table") >= 3
    assert roles.count("columnheader") >= 10
    assert roles.count("row") >= 10


def test_targets_are_large_enough_to_hit(browser, pages):
    """WCAG 2.2, 2.5.8: 24 by 24 pixels, links within a sentence excepted."""
    for width in (1280, 375):
        browser.size(width)
        browser.open(pages["full"])
        small = browser.run(
            """[...document.querySelectorAll("nav a, summary")].filter(one => one.checkVisibility())
               .filter(one => { const box = one.getBoundingClientRect(); return box.width < 24 || box.height < 24; })
               .map(one => one.outerHTML.slice(0, 100))"""
        )
        assert small == []


def test_print_shows_what_is_folded_and_leaves_out_the_navigation(browser, pages):
    browser.open(pages["full"])
    browser.media(type="print")
    assert browser.run("getComputedStyle(document.querySelector('.contents')).display") == "none"
    hidden = "[...document.querySelectorAll('.inside')].filter(one => !one.checkVisibility()).length"
    assert browser.run(hidden) == 0


def test_nothing_moves_by_itself(browser, pages):
    browser.open(pages["full"])
    assert browser.run("document.getAnimations().length") == 0
    browser.media(prefers_reduced_motion="reduce")
    assert browser.run("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
