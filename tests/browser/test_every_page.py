"""What holds on every page: nothing for axe to find in either theme, nothing wider than the smallest phone in any
language, nothing too small for a thumb.
"""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.browser.conftest import Arrive
from tests.browser.people import People
from tests.browser.places import furnished
from tests.browser.visitor import Visitor, context_options
from tests.journeys.stack import Stack
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

THEMES = ("light", "dark")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Links amid a sentence may be as small as it is (WCAG 2.5.8); a link that covers its card is as large as that.
SMALL = """() => [...document.querySelectorAll("a, button, input, select, textarea, summary")]
  .map((element) => element.closest("label") ?? element)
  .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: false }))
  .filter((element) => !element.closest(".skip, .unseen") && element.type !== "hidden")
  .filter((element) => getComputedStyle(element).display !== "inline")
  .filter((element) => getComputedStyle(element, "::after").position !== "absolute")
  .map((element) => [element, element.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.width < 43.5 || box.height < 43.5))
  .map(([element, box]) => `${element.outerHTML.slice(0, 90)} ${Math.round(box.width)}x${Math.round(box.height)}`)"""

# Buttons whose words do not fit into them.
CUT = """() => [...document.querySelectorAll("button, .button")]
  .filter((element) => element.checkVisibility() && !element.closest(".skip, .unseen"))
  .filter((element) => element.scrollWidth > element.clientWidth + 1)
  .map((element) => `${element.outerHTML.slice(0, 60)} ${element.scrollWidth} > ${element.clientWidth}`)"""


@pytest.fixture(scope="module")
def places(browser: Browser, people: People, stack: Stack) -> Iterator[tuple[str, dict[str, str]]]:
    """Somebody's name, and their pages."""
    with Origin() as origin:
        context = browser.new_context(**context_options(1440))
        visitor = Visitor(stack, context, context.new_page(), 1440)
        name = people.new()
        visitor.sign_in(name)
        found = furnished(visitor, origin)
        context.close()
        yield name, found


def shown(visitor: Visitor, path: str) -> Page:
    """The page, when everything on it has come."""
    page = visitor.open(path)
    if path.startswith("/lists"):
        expect(page.locator(".tile").first).to_be_visible()
    return page


def problems(page: Page, *, rules: list[str] | None = None) -> list[str]:
    """What axe finds: the rule, and the first element that breaks it."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": TAGS}
    found = page.evaluate(
        "(options) => axe.run(document, options).then(({ violations }) => violations)", {"runOnly": only}
    )
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}" for one in found]


@pytest.mark.skipif(not chromium.AXE.exists(), reason="axe-core is not there: run scripts/install-browser")
def test_axe_finds_nothing_in_either_theme(places: tuple[str, dict[str, str]], arrive: Arrive) -> None:
    name, paths = places
    visitor = arrive(1440, reduced_motion="reduce")  # colours change at once
    visitor.expects("404")
    visitor.sign_in(name)
    axe, found = chromium.AXE.read_text(), {}

    for place, path in paths.items():
        page = shown(visitor, path)
        page.evaluate(axe)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            wrong = problems(page, rules=["color-contrast"] if theme == "dark" else None)
            visitor.keep_picture(f"page-{place}-{theme}")
            found |= {f"{place} {theme}": wrong} if wrong else {}
    page = visitor.open("/")
    page.evaluate(axe)
    page.locator(".menu summary").click()
    found |= {"menu": wrong} if (wrong := problems(page)) else {}
    visitor.keep_picture("page-menu-dark")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    found |= {"sheet": wrong} if (wrong := problems(page)) else {}

    assert found == {}, json.dumps(found, indent=1)


@pytest.mark.parametrize("language", ["de", "fr"])
def test_pages_fit_the_smallest_phone(language: str, places: tuple[str, dict[str, str]], arrive: Arrive) -> None:
    name, paths = places
    visitor = arrive(320)
    visitor.expects("404")
    visitor.sign_in(name)
    host = {"domain": "127.0.0.1", "path": "/"}
    visitor.context.add_cookies([{"name": "language", "value": language, **host}])
    wide, small, cut = {}, {}, {}

    for place, path in paths.items():
        page = shown(visitor, path)
        page.evaluate("document.querySelectorAll('main details').forEach((fold) => { fold.open = true; })")
        if (width := page.evaluate("document.documentElement.scrollWidth")) > visitor.width:
            wide[place] = width
        if found := page.evaluate(SMALL):
            small[place] = found
        if words := page.evaluate(CUT):
            cut[place] = words
        visitor.keep_picture(f"page-{place}-{language}")

    assert (wide, small, cut) == ({}, {}, {}), json.dumps([wide, small, cut], indent=1)
