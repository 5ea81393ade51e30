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

# Words of short texts that go on in the next line.
BROKEN = """() => [...document.querySelectorAll("button, .button, summary, label, h2, .job-state")]
  .filter((element) => element.checkVisibility({ contentVisibilityAuto: true }) && !element.closest(".skip, .unseen"))
  .flatMap((element) => [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE))
  .flatMap((node) => [...node.data.matchAll(/\\p{L}+/gu)].map((word) => [node, word]))
  .filter(([node, word]) => {
    const range = new Range();
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1;
  })
  .map(([node, word]) => `${word[0]} in ${node.parentElement.outerHTML.slice(0, 60)}`)"""

# Texts that lie upon each other. What floats above the page and what is cut off by its frame may.
UPON = """() => {
  const isOpen = (element) => element.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })
    && !element.closest(".skip, .unseen, .top, .main-nav, .bulk, .picking-end")
    && !element.closest(".log, .job-name, .item-name, .tile-title");
  const lines = [...document.querySelectorAll("body *")].filter(isOpen)
    .flatMap((element) => [...element.childNodes])
    .filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())
    .flatMap((node) => {
      const range = new Range();
      range.selectNodeContents(node);
      return [...range.getClientRects()].map((box) => [node, box]);
    });
  return lines.flatMap(([one, upper], place) => lines.slice(place + 1)
    .filter(([other, lower]) => one !== other
      && Math.min(upper.right, lower.right) - Math.max(upper.left, lower.left) > 2
      && Math.min(upper.bottom, lower.bottom) - Math.max(upper.top, lower.top) > 6)
    .map(([other]) => `${one.data.trim().slice(0, 40)} | ${other.data.trim().slice(0, 40)}`));
}"""


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


@pytest.mark.parametrize(("width", "language"), [(320, "de"), (320, "fr"), (390, "de")])
def test_pages_fit_phones(width: int, language: str, places: tuple[str, dict[str, str]], arrive: Arrive) -> None:
    name, paths = places
    visitor = arrive(width)
    visitor.expects("404")
    visitor.sign_in(name)
    host = {"domain": "127.0.0.1", "path": "/"}
    visitor.context.add_cookies([{"name": "language", "value": language, **host}])
    wrong: dict[str, object] = {}

    for place, path in paths.items():
        page = shown(visitor, path)
        visitor.keep_picture(f"page-{place}-{language}")
        for fold in ("as it comes", "unfolded"):
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                wrong[f"{place} is too wide, {fold}"] = wide
            for fault, check in (("small", SMALL), ("cut", CUT), ("broken", BROKEN), ("upon each other", UPON)):
                if found := page.evaluate(check):
                    wrong[f"{place}: {fault}, {fold}"] = found
            page.evaluate("document.querySelectorAll('main details').forEach((fold) => { fold.open = true; })")

    assert wrong == {}, json.dumps(wrong, indent=1, ensure_ascii=False)
