"""Many links at once, and choosing from a list: the batch, its page, and what was downloaded before."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Visitor
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_links_from_the_field_and_a_text_file_become_one_batch(
    visitor: Visitor, origin: Origin, tmp_path: Path
) -> None:
    page = visitor.page
    links = tmp_path / "links.txt"
    links.write_text(f"# films\n{origin.url('/video.webm')}\n{origin.url('/audio.mp3')}\n")
    page.get_by_label("Links", exact=True).fill(origin.url("/video.mp4"))

    page.get_by_label("Text file with links").set_input_files(links)
    expect(page.locator(".found")).to_contain_text("3 links, as one batch")
    visitor.keep_picture("many-links")
    page.get_by_role("button", name="Download").click()

    row = visitor.row("3 links")
    expect(row.locator(".batch-count")).to_have_text("3/3")
    row.get_by_role("link", name="3 links").click()
    expect(page.locator(".job-list .job-state")).to_have_text(["Ready"] * 3)
    visitor.keep_picture("batch")


def test_entries_of_a_list_are_searched_chosen_and_downloaded(visitor: Visitor, origin: Origin) -> None:
    page = visitor.page
    page.get_by_label("Links", exact=True).fill(origin.url("/feeds/channel.xml"))
    page.get_by_role("link", name="Choose entries").click()
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(6)

    page.get_by_role("searchbox", name="Search in titles").fill("day")
    expect(tiles).to_have_count(1)
    page.get_by_role("searchbox", name="Search in titles").fill("")
    expect(tiles).to_have_count(6)
    page.locator("#filters-fold summary").click()
    page.get_by_label("Minutes, at least").fill("4")
    page.get_by_label("Minutes, at least").press("Enter")
    expect(tiles).to_have_count(2)
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.get_by_label("Chosen entries")).to_have_value("1-2")
    page.get_by_label("Minutes, at least").fill("")
    page.get_by_label("Minutes, at least").press("Enter")
    expect(tiles).to_have_count(6)
    page.get_by_role("button", name="Invert").click()
    expect(page.get_by_label("Chosen entries")).to_have_value("3-6")
    for title in ("Film 3", "Film without a day"):
        tiles.filter(has_text=title).click()
    expect(page.locator("#picking-count")).to_contain_text("2")
    visitor.keep_picture("picker")
    page.get_by_role("button", name="Download what is chosen").click()

    expect(page.get_by_role("heading", name="A channel")).to_be_visible()
    expect(page.locator(".batch-count")).to_have_text("2/2")
    page.get_by_role("link", name="Choose more").click()
    expect(page.locator(".tile.is-known")).to_have_count(2)
