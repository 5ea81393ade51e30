"""One POST to an address that a stranger chose, and what came of it. Stores nothing.

How it is bounded stands in `jobs.exchange`: no redirects are followed, and only allowed addresses are reached.
"""

import contextlib
import email.utils
import http.client
import math
import socket
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from jobs import exchange
from jobs.engine import egress
from jobs.engine.contract import EgressPolicy
from jobs.webhooks.outcomes import Answer

MOST_READ_BYTES = 64 * 1024
EXCERPT_BYTES = 1024
LONGEST_ERROR = 300


def post(url: str, body: bytes, headers: Mapping[str, str], *, policy: EgressPolicy, timeout_seconds: float) -> Answer:
    """Send and tell what came of it; never raises for what the receiver does.

    `timeout_seconds` is for all of it together, from the first packet to the last byte that is read of the answer.
    """
    started = time.monotonic()
    try:
        return _post(url, body, headers, policy, started + timeout_seconds)
    except egress.EgressDenied:
        return Answer(error="This server does not connect to the receiver's address.", is_hopeless=True)
    except TimeoutError:
        return Answer(latency_ms=_since(started), error=f"No answer within {timeout_seconds:g} s.")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(latency_ms=_since(started), error=_described(error)[:LONGEST_ERROR])


def _post(url: str, body: bytes, headers: Mapping[str, str], policy: EgressPolicy, deadline: float) -> Answer:
    with exchange.answered("POST", url, headers, body=body, policy=policy, deadline=deadline) as (response, started):
        latency = _since(started)
        return Answer(
            status=response.status,
            latency_ms=latency,
            excerpt=_excerpt(response),
            retry_after_seconds=_seconds(response.getheader("Retry-After")),
        )


def _excerpt(response: http.client.HTTPResponse) -> str:
    """The beginning of the answer, for people. The answer counts even when its text does not come in time."""
    received = b""
    with contextlib.suppress(OSError, http.client.HTTPException):
        while len(received) < MOST_READ_BYTES and (some := response.read1(MOST_READ_BYTES - len(received))):
            received += some
    return received[:EXCERPT_BYTES].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _seconds(retry_after: str | None) -> float | None:
    """What a Retry-After asks for: seconds, or a date; None when it is neither."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(retry_after or "")
        except (ValueError, OverflowError):  # the latter for years and offsets without bounds
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _described(error: Exception) -> str:
    """For the receiver's owner."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate is not good: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return f"The host name was not found: {error.strerror}"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return f"The answer is no HTTP: {type(error).__name__}"


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
