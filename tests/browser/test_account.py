"""Everything that people look after in their account."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Arrive
from tests.browser.people import PASSWORD
from tests.browser.visitor import Visitor
from tests.origin.server import Origin
from tests.receiver import Receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

NEW_PASSWORD = "another long password"


def choose(page: Page, name: str) -> None:
    """A page of the account, from its front page."""
    page.get_by_role("navigation", name="Account").get_by_role("link", name=name).click()


def test_a_key_is_copied_once_works_and_is_revoked(visitor: Visitor) -> None:
    page = visitor.page
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.go("Account")
    choose(page, "API keys")

    page.get_by_label("What it is for").fill("my phone")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.locator(".toast")).to_have_text("Copied")
    key = page.evaluate("navigator.clipboard.readText()")
    assert key == page.locator("#new-key").input_value()
    visitor.keep_picture("account-new-key")
    address = visitor.stack.url("/api/v1/downloads")
    assert visitor.stack.session.get(address, headers={"X-API-Key": key}, timeout=10).status_code == 200

    page.goto(page.url)
    expect(page.locator("#new-key")).to_have_count(0)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke my phone").click()
    expect(page.locator(".line")).to_contain_text("revoked")
    assert visitor.stack.session.get(address, headers={"X-API-Key": key}, timeout=10).status_code == 401


def test_cookies_are_stored_tested_and_deleted(visitor: Visitor, origin: Origin) -> None:
    page = visitor.page
    visitor.expects("422")
    visitor.go("Account")
    choose(page, "Cookies")

    page.get_by_label("Name").fill("the-site")
    page.get_by_label("Or paste its content").fill("[]")
    page.get_by_role("button", name="Store them").click()
    expect(page.locator(".field-error")).to_contain_text("This is JSON.")
    page.get_by_label("File").set_input_files(
        {
            "name": "cookies.txt",
            "mimeType": "text/plain",
            "buffer": b"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\topen\n",
        }
    )
    page.get_by_label("Or paste its content").fill("")
    page.get_by_role("button", name="Store them").click()
    expect(page.locator(".line-name")).to_have_text("the-site")
    page.get_by_label("A page that only signed-in visitors see").fill(origin.url("/cookie/video.mp4"))
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator(".told")).to_have_class("told is-accepted")
    visitor.keep_picture("account-cookies")

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete the-site").click()
    expect(page.locator(".line-name")).to_have_count(0)


def test_a_webhook_is_made_tested_and_told_of_a_download(visitor: Visitor, origin: Origin) -> None:
    page = visitor.page
    visitor.go("Account")
    choose(page, "Webhooks")
    with Receiver() as receiver:
        page.get_by_label("Address").fill(receiver.url())
        page.get_by_role("button", name="Add it").click()
        assert page.locator("#secret").input_value().startswith("whsec_")
        page.get_by_role("button", name="Send a test").click()
        expect(page.locator("#tried")).to_contain_text("answered 200")
        hook = page.url
        visitor.open("/")
        page.get_by_label("Links", exact=True).fill(origin.url("/video.mp4"))
        page.get_by_role("button", name="Download").click()
        expect(page.locator(".job .job-state")).to_have_text("Ready")

        page.goto(hook if "/create" not in hook else visitor.stack.url("/accounts/webhooks"))
        page.locator(".line-name a").first.click()
        sent = page.locator(".line", has_text="download.completed")
        expect(sent).to_contain_text("Delivered")
        visitor.keep_picture("account-webhook")
        sent.get_by_role("button", name="Send again").click()
        expect(sent).to_contain_text("2 attempts")


def test_theme_password_and_sessions(visitor: Visitor, arrive: Arrive) -> None:
    page = visitor.page
    elsewhere = arrive(visitor.width)
    elsewhere.sign_in(visitor.name)
    page.locator(".menu summary").click()
    page.locator(".theme-option", has_text="Dark").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 21, 18)"

    visitor.go("Account")
    choose(page, "Sessions")
    expect(page.locator(".line")).to_have_count(2)
    visitor.open("/accounts/password")
    page.get_by_label("Old password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password confirmation").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator(".notice.is-success")).to_contain_text("Your password is changed.")
    visitor.keep_picture("account-password-dark")

    elsewhere.page.reload()
    expect(elsewhere.page.get_by_role("heading", name="Sign in")).to_be_visible()
