"""Hostile receivers of messages: whatever they answer is an answer, and breaks nothing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.test import Client
from pytest_django import Settings

from jobs.engine.contract import EgressPolicy
from jobs.webhooks import endpoints, outcomes
from jobs.webhooks.outcomes import Answer
from jobs.webhooks.post import post
from tests.factories import make_endpoint, make_user

POLICY = EgressPolicy(allow=("127.0.0.1/32",))
MOMENTS = {
    "an offset beyond all numbers": "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
    "an offset beyond a day": "Mon, 01 Jan 2024 00:00:00 +9999",
    "a year beyond all years": "Mon, 01 Jan 99999999999 00:00:00 GMT",
    "the year nothing": "Mon, 01 Jan 0000 00:00:00 GMT",
    "the last moment": "Fri, 31 Dec 9999 23:59:59 -2359",
    "a day that there is not": "Mon, 99 Zzz 2024 99:99:99 GMT",
    "infinity": "1e999",
    "no number": "nan",
    "less than nothing": "-5",
    "digits without end": "9" * 5000,
    "nothing": "",
}
HEADS = {
    "a status that there is not": b"HTTP/1.1 999 \xff\xfe\r\n\r\n",
    "a status of letters": b"HTTP/1.1 abc\r\n\r\n",
    "a hundred and one headers": b"HTTP/1.1 200 OK\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(101)) + b"\r\n",
    "a header without end": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 200_000 + b"\r\n\r\n",
    "many provisional answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 200 + b"HTTP/1.1 200 OK\r\n\r\n",
    "a length below nothing": b"HTTP/1.1 500 No\r\nContent-Length: -1\r\n\r\nxyz",
    "a chunk beyond all numbers": b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 400 + b"\r\nx",
    "characters that no database takes": b"HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\n\x00\xed\xa0",
}


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of a receiver that gives this answer once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        thread.join()


def posted(answer: bytes) -> Answer:
    with answering(answer) as url:
        return post(url, b"{}", {}, policy=POLICY, timeout_seconds=5)


@pytest.mark.parametrize("moment", MOMENTS)
def test_no_moment_to_come_back_at_breaks_the_sender(moment: str) -> None:
    answer = posted(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: %s\r\n\r\n" % MOMENTS[moment].encode())

    assert answer.status == 503
    wait = outcomes.delay_seconds(1, base=5, jitter=0.5, retry_after=answer.retry_after_seconds)
    assert 0 < wait <= outcomes.LONGEST_DELAY_SECONDS


@pytest.mark.parametrize("head", HEADS)
def test_no_answer_breaks_the_sender(head: str) -> None:
    answer = posted(HEADS[head])

    assert answer.status or answer.error
    assert "\0" not in answer.excerpt
    answer.excerpt.encode()


@pytest.mark.django_db
def test_a_silent_receiver_holds_few_threads(settings: Settings) -> None:
    settings.EGRESS_ALLOW, settings.WEB_THREADS = ["127.0.0.1/32"], 8
    owner, browser = make_user(), Client()
    browser.force_login(owner)
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        endpoint = make_endpoint(owner, f"http://127.0.0.1:{receiver.getsockname()[1]}/")
        first = threading.Thread(target=endpoints.try_out, args=(endpoint,))
        first.start()
        held, _ = receiver.accept()

        call = browser.post(f"/api/v1/webhooks/{endpoint.public_id}/test")
        page = browser.post(f"/accounts/webhooks/{endpoint.public_id}/test")
        held.close()
        first.join(30)
    tried = endpoints.try_out(endpoint)

    assert (call.status_code, call.json()["error"]["code"]) == (503, "QUEUE_FULL")
    assert "Too many webhooks are being tried out" in page.content.decode()
    assert tried.answer.error == "Connection refused"  # and not QueueFull: the place is free again
