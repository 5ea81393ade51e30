"""The pictures of the README and the manual: `make pictures` takes them anew, of the real service with made-up films.

No test calls this: a normal run leaves what is committed alone.
"""

import base64
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser import chromium
from tests.browser.people import People
from tests.browser.visitor import Visitor, context_options
from tests.journeys.stack import PROJECT, Stack, running_stack
from tests.origin import media
from tests.origin.server import Origin

PICTURES = PROJECT / "docs" / "pictures"
WIDTHS = {"desktop": 1440, "phone": 390}
THEMES = ("light", "dark")
QUALITY = 80  # of WebP: text stays sharp, and a picture takes less than 100 kB
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta property="og:title" content="{title}"></head><body><video poster="{picture}"><source src="{media}"></video></body>
</html>"""


@dataclass(frozen=True)
class Film:
    """A page with a film, and the colours that its picture runs through."""

    name: str
    title: str
    media: str
    colours: tuple[str, str]


READY = (
    Film("lighthouse", "Tide at the old lighthouse", "/video.mp4", ("0x0f4c75", "0xf6c667")),
    Film("bread", "Sourdough, from flour to crust", "/long.mp4", ("0x7a4419", "0xf3d9b1")),
    Film("orbit", "One orbit in ninety minutes", "/video.mp4?orbit", ("0x0b132b", "0x5bc0be")),
    Film("meadow", "A meadow through four seasons", "/long.mp4?meadow", ("0x386641", "0xf2e8cf")),
    Film("dunes", "Walking the dunes at dawn", "/video.mp4?dunes", ("0xbc4b51", "0xf4d58d")),
    Film("winter", "Night train to the north", "/video.mp4?north", ("0x22223b", "0xc9ada7")),
)
MISSING = Film("gone", "Lecture 12: Tides and currents", "/status/404/gone.mp4", ("0x444444", "0x999999"))
RUNNING = (
    Film("river", "Rafting the upper river", "/slow/12000/long.mp4", ("0x1b4965", "0xbee9e8")),
    Film("garden", "A year in the kitchen garden", "/slow/16000/long.mp4", ("0x606c38", "0xfefae0")),
)
ASKED = Film("city", "The city before it wakes", "/hls/master.m3u8", ("0x5f0f40", "0xfb8b24"))


def main() -> None:
    if not chromium.program():
        raise SystemExit("there is no Chromium: run scripts/install-browser")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as directory,
        Origin() as origin,
        running_stack(Path(directory)) as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium.program(), args=[*chromium.FLAGS])
        _Showing(browser, stack, origin, People(stack).new()).run()
        browser.close()


@dataclass(frozen=True)
class _Showing:
    browser: Browser
    stack: Stack
    origin: Origin
    owner: str

    def run(self) -> None:
        for film in (*READY, MISSING, *RUNNING, ASKED):
            self._offer(film)
        visitor = self._arrive("desktop", "light")
        for film in (*READY, MISSING):
            self._send(visitor, film)
        over = visitor.page.locator(".job .job-state", has_text="Ready")
        expect(over).to_have_count(len(READY), timeout=120_000)
        for film in RUNNING:
            self._send(visitor, film)
        expect(visitor.page.locator(".job .job-state", has_text="Downloading")).to_have_count(len(RUNNING))
        visitor.context.close()
        for device in WIDTHS:
            for theme in THEMES:
                self._take(device, theme)

    def _take(self, device: str, theme: str) -> None:
        visitor = self._arrive(device, theme)
        page = visitor.page
        page.get_by_label("Links", exact=True).fill(self._page_of(ASKED))
        expect(page.locator("#look .found-title")).to_have_text(ASKED.title)
        page.wait_for_load_state("networkidle")
        _keep(visitor, f"home-{device}-{theme}")
        visitor.open("/library")
        page.wait_for_load_state("networkidle")
        _keep(visitor, f"library-{device}-{theme}")
        if (device, theme) == ("desktop", "light"):  # the manual shows these once
            self._take_for_the_manual(visitor)
        visitor.context.close()

    def _take_for_the_manual(self, visitor: Visitor) -> None:
        page = visitor.open("/")
        page.get_by_role("link", name=READY[0].title, exact=True).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(READY[0].title)
        page.wait_for_load_state("networkidle")
        _keep(visitor, "download-desktop-light")
        visitor.open("/accounts/keys")
        page.wait_for_load_state("networkidle")
        _keep(visitor, "keys-desktop-light")

    def _arrive(self, device: str, theme: str) -> Visitor:
        width = WIDTHS[device]
        context = self.browser.new_context(**context_options(width, color_scheme=theme, reduced_motion="reduce"))
        visitor = Visitor(self.stack, context, context.new_page(), width)
        visitor.sign_in(self.owner)
        return visitor

    def _send(self, visitor: Visitor, film: Film) -> None:
        page = visitor.page
        field = page.get_by_label("Links", exact=True)
        field.fill(self._page_of(film))
        page.get_by_role("button", name="Download", exact=True).click()
        expect(page.locator(".ask-done")).to_contain_text("Added")
        expect(field).to_have_value("")

    def _offer(self, film: Film) -> None:
        """Its page and its picture, at the origin."""
        picture = f"/pictures/{film.name}.jpg"
        page = PAGE.format(title=film.title, picture=self.origin.url(picture), media=self.origin.url(film.media))
        self.origin.pages[picture] = ("image/jpeg", _gradient(film.colours))
        self.origin.pages[f"/films/{film.name}.html"] = ("text/html; charset=utf-8", page.encode())

    def _page_of(self, film: Film) -> str:
        return self.origin.url(f"/films/{film.name}.html")


def _gradient(colours: tuple[str, str]) -> bytes:
    first, last = colours
    source = f"gradients=s=640x360:c0={first}:c1={last}:x0=60:y0=20:x1=580:y1=340:n=2:d=1"
    command = [media.tools().ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", "1", "-f", "mjpeg", "-"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def _keep(visitor: Visitor, name: str) -> None:
    """What the window shows, as WebP, which Playwright itself does not write."""
    tools = visitor.context.new_cdp_session(visitor.page)
    taken = tools.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    (PICTURES / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))


if __name__ == "__main__":
    main()
