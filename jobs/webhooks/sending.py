"""One attempt at one message: signed, posted, answered. Touches no table, so that threads may do it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.text import slugify

from jobs.webhooks import addresses, post, signing
from jobs.webhooks.outcomes import Answer

IN_ORDER = ("event", "timestamp", "request_id", "data")  # which a database may have forgotten


@dataclass(frozen=True)
class Message:
    """What is sent. Its id stays the same from attempt to attempt."""

    url: str
    body: bytes
    message_id: str
    secret: str = field(repr=False)


def body_of(payload: Mapping[str, Any]) -> bytes:
    """A payload as it is sent and signed."""
    return json.dumps({name: payload[name] for name in IN_ORDER}, separators=(",", ":")).encode()


def send(message: Message, *, timeout_seconds: float) -> Answer:
    """Sign the message as of now and post it."""
    signature = signing.headers(message.secret, message_id=message.message_id, at=int(time.time()), body=message.body)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"{slugify(settings.APP_NAME) or 'media-downloader'}/{settings.VERSION} webhooks",
        "Accept": "*/*",
        "Connection": "close",
        **signature,
    }
    return post.post(message.url, message.body, headers, policy=addresses.policy(), timeout_seconds=timeout_seconds)
