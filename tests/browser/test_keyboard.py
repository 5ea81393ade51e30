"""Without a mouse: everything is reached, seen and done with keys."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Arrive
from tests.browser.people import PASSWORD, People
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

# On the element, on what its label shows, or on the card that its link covers.
HAS_OUTLINE = """(element) => {
  const shown = [element, element.closest("label")?.querySelector("span"), element.closest(".item")].filter(Boolean);
  const isSeen = ({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return shown.some((one) => isSeen(getComputedStyle(one)))
    || element.closest(":focus-within")?.matches(".ask, .search-field, .ask-line, .ask *") === true;
}"""


IS_SETTLED = "() => !document.querySelector('.htmx-swapping, .htmx-settling, .htmx-added')"


def tab_to(page: Page, name: str, *, most: int = 60) -> None:
    """Press Tab until what has this name has the focus; whatever had it on the way showed so."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() == 0:
            continue
        text = focused.evaluate("(element) => element.ariaLabel ?? (element.labels?.[0] ?? element).textContent")
        assert focused.evaluate(HAS_OUTLINE), f"no visible focus on {text!r}"
        if " ".join(text.split()) == name:
            return
    pytest.fail(f"{name!r} is not reached with Tab")


def test_a_download_without_a_mouse(arrive: Arrive, people: People, origin: Origin) -> None:
    visitor = arrive(1440)
    page = visitor.open("/")
    page.keyboard.type(people.new())
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Links", exact=True)).to_be_focused()

    page.keyboard.insert_text(origin.url("/page.html"))
    expect(page.locator(".found-title")).to_have_text("A test film")
    page.keyboard.press("Enter")
    expect(visitor.row("A test film").get_by_role("link", name="Save")).to_be_visible()

    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
    visitor.keep_picture("keyboard-sheet")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="A test film")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()

    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url("**/library")
    page.keyboard.press("/")
    page.keyboard.type("test film")
    page.wait_for_url("**/library?text=test*film*")
    expect(page.locator(".item")).to_have_count(1)
    tab_to(page, "Delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.wait_for_function(IS_SETTLED)  # before, Enter sends the form as without scripts, which leads to another page
    page.keyboard.press("Enter")
    expect(page.locator(".item").get_by_role("link", name="A test film")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "Make a link")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Copy it now")).to_be_focused()
    tab_to(page, "Revoke")
    page.keyboard.press("Enter")
    expect(page.locator(".lines .line.is-over")).to_be_focused()


def test_the_priority_of_what_waits_is_dragged_or_typed(arrive: Arrive, people: People, origin: Origin) -> None:
    visitor = arrive(1440)
    page = visitor.sign_in(people.new())
    page.get_by_label("Links", exact=True).fill(origin.url("/slow/20000/long.mp4"))
    page.get_by_role("button", name="Download").click()
    page.get_by_role("button", name="Pause").click()
    grip = page.get_by_role("slider", name="Priority")
    expect(page.locator(".job .job-state")).to_have_text("Paused")
    grip.hover()

    box = grip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] - 20, steps=4)
    expect(grip.locator("output")).to_be_visible()
    page.mouse.up()
    expect(visitor.row("long")).to_contain_text("priority 7")

    grip.focus()
    page.keyboard.press("End")
    expect(visitor.row("long")).to_contain_text("priority 9")
    page.get_by_role("button", name="Later").click()
    expect(visitor.row("long")).to_contain_text("priority 8")
