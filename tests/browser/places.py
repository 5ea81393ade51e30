"""Every page of the dashboard with something on it, for checks that hold everywhere."""

from dataclasses import dataclass
from typing import Any

import requests

from tests.browser.visitor import Visitor
from tests.journeys.stack import Stack
from tests.origin.server import Origin
from tests.receiver import Receiver

COOKIES = "# Netscape HTTP Cookie File\nmedia.example\tFALSE\t/\tFALSE\t0\tsession\topen\n"


@dataclass
class Owner:
    """Somebody's key, and what it calls."""

    stack: Stack
    key: str

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        response = requests.request(
            method, self.stack.url(f"/api/v1{path}"), headers={"X-API-Key": self.key}, timeout=30, **options
        )
        assert response.ok, response.text
        return dict(response.json()) if response.content else {}

    def ended(self, path: str, *states: str) -> dict[str, Any]:
        return self.stack.wait_until(
            lambda: self.call("GET", path), lambda answer: answer["status"] in states, seconds=60
        )


def furnished(visitor: Visitor, origin: Origin) -> dict[str, str]:
    """The paths of all pages by name, after filling the visitor's account with one of each thing."""
    page = visitor.open("/accounts/keys")
    page.get_by_label("What it is for").fill("the checks")
    page.get_by_role("button", name="Make a key").click()
    owner = Owner(visitor.stack, page.locator("#new-key").input_value())

    good = owner.call("POST", "/download", json={"url": origin.url("/page.html"), "write_thumbnail": True})
    bad = owner.call("POST", "/download", json={"url": origin.url("/status/404")})
    held = owner.call("POST", "/download", json={"url": origin.url("/slow/20000/long.mp4")})
    batch = owner.call("POST", "/playlist/download", json={"url": origin.url("/feeds/3.xml")})
    owner.call("POST", "/auth/cookies", json={"name": "site", "cookies": COOKIES})
    with Receiver() as receiver:
        hook = owner.call("POST", "/webhooks", json={"url": receiver.url()})
    owner.ended(f"/download/{held['request_id']}", "downloading", "running")
    owner.call("POST", f"/download/{held['request_id']}/pause")
    owner.ended(f"/download/{good['request_id']}", "completed")
    owner.ended(f"/download/{bad['request_id']}", "failed")
    owner.ended(f"/batch/{batch['batch_id']}", "completed")
    item = f"/library/{good['request_id']}"
    visitor.open(item)
    page.get_by_role("button", name="Make a link").click()
    shared = page.get_by_label("Copy it now").input_value()
    return {
        "home": "/",
        "earlier": f"/?before={held['request_id']}",
        "library": "/library",
        "library-list": "/library?layout=list",
        "library-nothing": "/library?text=nothing-like-it",
        "item": item,
        "shares": "/library/shared",
        "undo": f"/library/{bad['request_id']}/undo",
        "job-ready": f"/jobs/{good['request_id']}",
        "job-failed": f"/jobs/{bad['request_id']}",
        "job-paused": f"/jobs/{held['request_id']}",
        "batch": f"/batches/{batch['batch_id']}",
        "picker": f"/lists?url={origin.url('/feeds/channel.xml')}",
        "account": "/accounts/",
        "defaults": "/accounts/defaults",
        "keys": "/accounts/keys",
        "cookies": "/accounts/cookies",
        "webhooks": "/accounts/webhooks",
        "webhook": f"/accounts/webhooks/{hook['webhook_id']}",
        "apps": "/accounts/apps",
        "password": "/accounts/password",
        "codes": "/accounts/second-factor",
        "sessions": "/accounts/sessions",
        "shared": shared[shared.index("/s/") :],
        "offline": "/offline",
        "nowhere": "/nowhere",
    }
