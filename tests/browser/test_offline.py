"""Without a network: a page that keeps links and sends them later. And what a phone's Share menu sends."""

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Visitor
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.mark.parametrize("visitor", [390], indirect=True)
def test_links_given_without_a_network_are_sent_later(visitor: Visitor, origin: Origin) -> None:
    visitor.expects("ERR_INTERNET_DISCONNECTED")
    page = visitor.page
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    visitor.context.set_offline(True)

    page.goto(visitor.stack.url("/library"))
    expect(page.get_by_role("heading", name="No network")).to_be_visible()
    page.get_by_label("Links").fill(origin.url("/video.mp4"))
    page.get_by_role("button", name="Send them later").click()
    expect(page.locator(".kept li")).to_have_text(origin.url("/video.mp4"))
    visitor.keep_picture("offline")

    visitor.context.set_offline(False)
    expect(page.locator("#outbox-told")).to_contain_text("One link that was saved while you were offline is sent.")
    expect(page.locator(".job .job-state")).to_have_text("Ready")


@pytest.mark.parametrize("visitor", [390], indirect=True)
def test_a_shared_link_stands_in_the_field_and_is_read(visitor: Visitor, origin: Origin) -> None:
    page = visitor.open(f"/share?title=A+film&text=Look+at+this:+{origin.url('/page.html')}!")

    expect(page.get_by_label("Links", exact=True)).to_have_value(origin.url("/page.html"))
    expect(page.locator(".found-title")).to_have_text("A test film")
