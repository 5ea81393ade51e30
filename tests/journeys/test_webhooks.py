"""Webhooks of the running service: a receiver that is down at first, and a worker that dies while it delivers."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.journeys.stack import Stack, free_port, running_stack
from tests.origin.server import Origin
from tests.receiver import Receiver, Reply

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service that is patient with receivers, and quick to notice that a worker died."""
    with running_stack(
        tmp_path_factory.mktemp("webhooks"),
        WEBHOOK_RETRY_ATTEMPTS="6",
        WEBHOOK_RETRY_DELAY="1",
        LEASE_SECONDS="5",
    ) as running:
        yield running


def register(service: Stack, url: str, **fields: Any) -> dict[str, Any]:
    response = service.call("POST", "/webhooks", json={"url": url, **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def deliveries(service: Stack, job_id: str, **query: Any) -> list[dict[str, Any]]:
    return list(service.call("GET", "/webhooks/deliveries", params={"job": job_id, **query}).json()["results"])


def verified(receiver: Receiver, secret: str, path: str) -> list[dict[str, Any]]:
    """The messages that came to a path, each proven genuine by the public library."""
    requests = [request for request in receiver.requests if request.path == path]
    return [dict(Webhook(secret).verify(request.body, request.headers)) for request in requests]


def test_a_receiver_that_is_down_at_first_gets_every_event_exactly_once(service: Stack, origin: Origin) -> None:
    port = free_port()
    endpoint = register(service, f"http://127.0.0.1:{port}/stored")
    own_secret = service.call("GET", "/webhooks/signing-secret").json()["secret"]
    job_id = service.submit(origin.url("/video.mp4"), webhook_url=f"http://127.0.0.1:{port}/own")
    assert service.wait(job_id, "completed", "failed")["status"] == "completed"
    service.wait_until(
        lambda: deliveries(service, job_id), lambda found: all(delivery["attempts"] for delivery in found)
    )
    assert service.job(job_id)["webhook_sent"] is False

    with Receiver(port=port) as receiver:
        done = service.wait_until(
            lambda: deliveries(service, job_id),
            lambda found: all(delivery["state"] != "pending" for delivery in found),
        )

    repeated = [delivery for delivery in done if delivery["event"] != "download.progress"]
    assert {delivery["state"] for delivery in repeated} == {"delivered"}
    assert sorted(receiver.ids()) == sorted(d["delivery_id"] for d in done if d["state"] == "delivered")
    stored = verified(receiver, endpoint["secret"], "/stored")
    assert sorted(message["event"] for message in stored) == ["download.completed", "download.started"]
    own = {message["event"] for message in verified(receiver, own_secret, "/own")}
    assert own >= {"download.completed", "download.started"}
    completed = next(message["data"] for message in stored if message["event"] == "download.completed")
    file = service.session.get(completed["file_url"], timeout=30)
    assert (file.status_code, len(file.content)) == (200, completed["file_size"])
    assert service.job(job_id)["webhook_sent"] is True
    service.call("DELETE", f"/webhooks/{endpoint['webhook_id']}")


def test_a_worker_that_dies_while_it_delivers_loses_no_message(service: Stack, origin: Origin) -> None:
    with Receiver(Reply(hang=True)) as receiver:
        endpoint = register(service, receiver.url(), events=["download.completed"])
        job_id = service.submit(origin.url("/video.mp4"))
        service.wait_until(lambda: receiver.requests, bool)

        os.kill(connected_to(receiver.port), signal.SIGKILL)
        done = service.wait_until(
            lambda: deliveries(service, job_id), lambda found: found[0]["state"] == "delivered", seconds=60
        )

    assert len(done) == 1
    assert receiver.ids() == [done[0]["delivery_id"]] * 2
    assert {message["event"] for message in verified(receiver, endpoint["secret"], "/hook")} == {"download.completed"}
    service.call("DELETE", f"/webhooks/{endpoint['webhook_id']}")


def test_a_batch_tells_of_every_download_and_of_its_end(service: Stack, origin: Origin) -> None:
    with Receiver() as receiver:
        urls = [origin.url("/video.mp4"), origin.url("/status/404")]
        response = service.call("POST", "/batch/download", json={"urls": urls, "webhook_url": receiver.url()})
        assert response.status_code == 202, response.text
        service.wait_until(
            receiver.ids,
            lambda _: any(b'"batch.completed"' in request.body for request in receiver.requests),
        )
        secret = service.call("GET", "/webhooks/signing-secret").json()["secret"]
        service.wait_until(receiver.ids, lambda ids: len(ids) >= 5)

    told = [message for message in verified(receiver, secret, "/hook") if message["event"] != "download.progress"]
    assert sorted(message["event"] for message in told) == [
        "batch.completed",
        "download.completed",
        "download.failed",
        "download.started",
        "download.started",
    ]
    assert {message["data"]["batch_id"] for message in told} == {response.json()["batch_id"]}
    end = next(message["data"] for message in told if message["event"] == "batch.completed")
    assert (end["status"], end["completed_jobs"], end["failed_jobs"]) == ("completed", 1, 1)


def connected_to(port: int) -> int:
    """The process that has opened a connection to a port on loopback."""
    established = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{entry[9]}]" for entry in established if int(entry[2].partition(":")[2], 16) == port}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) in sockets:
                return int(descriptor.parts[2])
        except OSError:  # closed meanwhile, or somebody else's
            continue
    raise AssertionError("nobody is connected")
