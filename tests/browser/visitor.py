"""Somebody in front of the browser: opens pages, signs in, keeps pictures. What the browser complains of is noted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Response, expect

from tests.browser.people import PASSWORD
from tests.journeys.stack import PROJECT, Stack

PICTURES = PROJECT / "build" / "screenshots"
HEIGHTS = {320: 640, 390: 844, 1440: 900}
# htmx says this of requests that end because somebody leaves the page.
LEAVING = ("htmx:afterRequest,", "htmx:sendAbort,")
expect.set_options(timeout=30_000)


@dataclass
class Visitor:
    """A page of a browser context of its own. Every width below 800 px is a phone's, with touch."""

    stack: Stack
    context: BrowserContext
    page: Page
    width: int
    name: str = ""
    expected: tuple[str, ...] = ()
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.on("console", self._hear)
        self.context.on(
            "weberror", lambda error: self.complaints.append(f"{error.page and error.page.url}: {error.error}")
        )
        self.context.on("response", self._answered)

    def open(self, path: str) -> Page:
        self.page.goto(self.stack.url(path))
        return self.page

    def sign_in(self, name: str) -> Page:
        """Through the form, to the first page."""
        self.name = name
        page = self.open("/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".menu")).to_be_visible()
        page.wait_for_load_state()
        return page

    def wait_until(self, holds: Callable[[], bool], *, seconds: float = 20) -> None:
        """Until something about the browser is so; meanwhile the browser's events are heard."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"not within {seconds} s"
            self.page.wait_for_timeout(10)

    def go(self, section: str) -> None:
        """By the main navigation."""
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name=section).click()

    def expects(self, *parts: str) -> None:
        """Complaints of the browser that hold one of these are what the test is about."""
        self.expected = parts

    def keep_picture(self, name: str) -> None:
        """Of the whole page, to be looked at by people."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        # Caret and animations stay: Playwright stops them by inline style, which the policy forbids.
        self.page.screenshot(path=str(self.picture_path(name)), full_page=True, caret="initial")

    def picture_path(self, name: str) -> Path:
        return PICTURES / f"{name}-{self.width}.png"

    def row(self, title: str) -> Locator:
        """The row of a download or batch in the queue."""
        return self.page.locator(".job", has=self.page.get_by_role("link", name=title))

    def unexpected(self) -> list[str]:
        usual = (*self.expected, *LEAVING)
        return [text for text in self.complaints if not any(part in text for part in usual)]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.location.get('url')}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.url}: {response.status}")


def context_options(width: int, **more: Any) -> dict[str, Any]:
    """How a browser of this width presents itself."""
    is_phone = width < 800
    size = {"width": width, "height": HEIGHTS[width]}
    return {"viewport": size, "is_mobile": is_phone, "has_touch": is_phone, "locale": "en-GB", **more}
