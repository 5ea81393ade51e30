"""What people do with downloads that wait or run: one by one, several at once, and with the job's own page."""

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Arrive
from tests.browser.people import People
from tests.browser.visitor import Visitor
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def send(visitor: Visitor, url: str) -> None:
    field = visitor.page.get_by_label("Links", exact=True)
    field.fill(url)
    visitor.page.get_by_role("button", name="Download").click()
    expect(visitor.page.locator(".ask-done")).to_contain_text("Added")
    expect(field).to_have_value("")


def test_one_download_is_paused_moved_resumed_cancelled_and_tried_again(visitor: Visitor, origin: Origin) -> None:
    page = visitor.page
    send(visitor, origin.url("/slow/40000/long.mp4"))
    row = page.locator(".job")
    state = row.locator(".job-state")
    expect(state).to_have_text("Downloading")
    expect(row.locator(".progress .facts")).to_contain_text("/s")
    visitor.keep_picture("queue-running")

    row.get_by_role("button", name="Pause").click()
    expect(state).to_have_text("Paused")
    row.get_by_role("button", name="Sooner").click()
    expect(row).to_contain_text("priority 6")
    row.get_by_role("button", name="Resume").click()
    expect(state).to_have_text("Downloading")
    row.get_by_role("button", name="Cancel").click()
    expect(state).to_have_text("Cancelled")
    row.get_by_role("button", name="Try again").click()
    expect(state).to_have_text("Downloading")

    row.get_by_role("link", name="long").click()
    expect(page.locator(".timeline li").filter(has_text="Cancelled")).to_have_count(1)
    expect(page.locator("#log")).to_contain_text("[download]")
    visitor.keep_picture("job-running")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".job-head .job-state")).to_have_text("Cancelled")
    page.get_by_role("link", name="Again with other options").click()
    expect(page.get_by_label("Links", exact=True)).to_have_value(origin.url("/slow/40000/long.mp4"))


def test_a_button_pressed_while_the_list_is_asked_for_counts(visitor: Visitor, origin: Origin) -> None:
    page = visitor.page
    send(visitor, origin.url("/slow/20000/long.mp4"))
    state = page.locator(".job .job-state")
    expect(state).to_have_text("Downloading")
    held: list[Route] = []
    page.route("**/jobs/rows*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks its handlers
    page.evaluate("htmx.trigger('#jobs', 'seen')")
    visitor.wait_until(lambda: bool(held))

    page.get_by_role("button", name="Pause").click()
    for route in held:
        route.continue_()
    page.unroute("**/jobs/rows*")

    expect(state).to_have_text("Paused")


def test_a_poll_takes_away_neither_rows_nor_the_keyboard(arrive: Arrive, people: People, origin: Origin) -> None:
    visitor = arrive(1440)
    page = visitor.sign_in(people.new())
    for number in range(2):
        send(visitor, origin.url(f"/slow/20000/long.mp4?{number}"))
    rows = page.locator(".job")
    expect(rows.locator(".job-state")).to_have_text(["Downloading"] * 2)
    rows.last.get_by_role("button", name="Pause").click()
    expect(rows.last.locator(".job-state")).to_have_text("Paused")
    page.evaluate("() => { window.polls = 0; document.addEventListener('htmx:afterOnLoad', () => window.polls++); }")
    visitor.wait_until(lambda: page.evaluate("window.polls") > 0)
    page.evaluate("() => { for (const row of document.querySelectorAll('.job')) row.stays = true; window.polls = 0; }")

    visitor.wait_until(lambda: page.evaluate("window.polls") > 1)
    stay = page.evaluate("[...document.querySelectorAll('.job')].map((row) => row.stays ?? false)")
    rows.first.get_by_role("button", name="Pause").focus()
    path = rows.first.get_by_role("button", name="Pause").get_attribute("formaction")
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    answer = page.request.post(  # as from another window
        visitor.stack.url(str(path)), form={"csrfmiddlewaretoken": token}, headers={"Referer": visitor.stack.url("/")}
    )

    assert (stay, answer.ok) == ([False, True], True)
    expect(rows.first.locator(".job-state")).to_have_text("Paused")
    expect(rows.first.get_by_role("link", name="long")).to_be_focused()


def test_several_are_chosen_with_shift_and_changed_at_once(visitor: Visitor, origin: Origin) -> None:
    page = visitor.page
    for number in range(3):
        send(visitor, origin.url(f"/slow/20000/long.mp4?{number}"))
    expect(page.locator(".job")).to_have_count(3)

    picks = page.locator(".pick")
    picks.first.click()
    picks.last.click(modifiers=["Shift"])
    expect(page.locator("#bulk-count")).to_have_text("3 chosen")
    visitor.keep_picture("queue-chosen")
    bulk = page.locator("#bulk")
    bulk.get_by_role("button", name="Pause").click()
    expect(page.locator(".job .job-state")).to_have_text(["Paused"] * 3)

    picks.first.click()
    page.get_by_label("All", exact=True).check()
    bulk.get_by_role("button", name="Cancel").click()
    expect(page.locator(".job .job-state")).to_have_text(["Cancelled"] * 3)
    expect(page.locator("#bulk-count")).to_have_text("0 chosen")
