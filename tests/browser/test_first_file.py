"""From nothing to a file that is played, shared and deleted; and what a wrong link looks like."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive
from tests.browser.visitor import Visitor
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

# A page with a film of several heights, as sites have them.
FILM = """<!doctype html><html lang="en"><head><title>The harbour at night</title>
<script type="application/ld+json">{"@context": "https://schema.org", "@type": "VideoObject",
"name": "The harbour at night", "duration": "PT2S", "thumbnailUrl": "http://{host}/thumbnail.jpg",
"contentUrl": "http://{host}/ladder/master.m3u8"}</script></head><body></body></html>"""


def test_from_the_first_page_to_a_shared_file(visitor: Visitor, arrive: Arrive, origin: Origin) -> None:
    origin.pages["/film.html"] = ("text/html", FILM.replace("{host}", origin.host).encode())
    page = visitor.page
    expect(page.get_by_role("heading", name="Your first download")).to_be_visible()
    visitor.keep_picture("first-page")

    page.get_by_label("Links", exact=True).fill(origin.url("/film.html"))
    expect(page.locator(".found-title")).to_have_text("The harbour at night")
    card = page.locator(".quality", has_text="480p")
    expect(card).to_contain_text("≈")
    card.click()
    visitor.keep_picture("a-link-that-was-read")
    page.get_by_role("button", name="Download").click()

    row = visitor.row("The harbour at night")
    expect(row.get_by_role("link", name="Save")).to_be_visible()
    expect(row.locator(".job-state")).to_have_text("Ready")
    visitor.keep_picture("a-finished-download")

    visitor.go("Library")
    visitor.keep_picture("library")
    page.get_by_role("link", name="The harbour at night").click()
    height = page.locator("video").evaluate(
        """async (video) => {
            video.muted = true;
            await video.play();
            await new Promise((done) => video.addEventListener("timeupdate", done, { once: true }));
            return video.videoHeight;
        }"""
    )
    assert height == 480
    visitor.keep_picture("player")

    page.get_by_label("The link works for").select_option(label="1 hour")
    page.get_by_role("button", name="Make a link").click()
    address = page.get_by_label("Copy it now").input_value()
    stranger = arrive(visitor.width)
    stranger.page.goto(address)
    expect(stranger.page.get_by_role("heading", name="The harbour at night")).to_be_visible()
    with stranger.page.expect_download() as saved:
        stranger.page.get_by_role("link", name="Save").click()
    assert saved.value.path().stat().st_size > 10_000
    stranger.keep_picture("shared-file")

    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("#shares .line")).to_contain_text("revoked")
    stranger.expects("404")
    stranger.page.reload()
    expect(stranger.page.get_by_role("heading", name="This link does not work")).to_be_visible()


def test_a_deletion_can_be_taken_back(visitor: Visitor, origin: Origin) -> None:
    page = visitor.page
    page.get_by_label("Links", exact=True).fill(origin.url("/page.html"))
    page.get_by_label("Links", exact=True).press("Enter")
    expect(visitor.row("A test film").get_by_role("link", name="Save")).to_be_visible()
    visitor.go("Library")
    entry = page.locator(".item")

    entry.get_by_role("button", name="Delete").click()
    expect(entry).to_contain_text("is deleted")
    visitor.keep_picture("deleted-for-now")
    entry.get_by_role("button", name="Undo").click()

    expect(entry.get_by_role("link", name="Save")).to_be_visible()
    before = entry.locator(".item-until time").get_attribute("datetime")
    entry.get_by_role("button", name="longer").click()
    expect(entry.locator(".item-until time")).not_to_have_attribute("datetime", str(before))


def test_what_is_wrong_is_told_where_it_is(visitor: Visitor, origin: Origin) -> None:
    visitor.expects("422")
    page = visitor.page

    page.get_by_role("button", name="Download").click()
    expect(page.locator(".ask .field-error")).to_contain_text("Paste a link first.")
    page.get_by_label("Links", exact=True).fill("https://youtu.be/abc")
    page.get_by_role("button", name="Download").click()
    expect(page.locator(".ask .field-error")).to_contain_text("Downloads from YouTube are turned off here")
    visitor.keep_picture("a-refused-link")
    page.get_by_label("Links", exact=True).fill(origin.url("/status/404"))
    expect(page.locator(".found.is-warning")).to_contain_text("There is nothing at this address")
    visitor.keep_picture("a-link-to-nothing")
    page.get_by_role("button", name="Download").click()

    expect(page.locator(".job .job-error")).to_contain_text("copy the current address")
    visitor.keep_picture("a-failed-download")
