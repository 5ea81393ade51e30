"""The service as a whole: start, limits of its own, stop, start again."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.stack import Stack, running_stack, start_stack, wait_until_ready
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with tight limits."""
    with running_stack(
        tmp_path_factory.mktemp("strict"),
        MAX_FILE_SIZE_BYTES="500000",
        YTDLP_PROGRESS_TIMEOUT="2",
        YTDLP_TIMEOUT="6",
        MAX_ATTEMPTS="1",
        FILE_RETENTION_HOURS="0.0005",
    ) as service:
        yield service


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/long.mp4", "too_large"),
        ("/nolength/long.mp4", "too_large"),
        ("/stall/video.mp4", "stalled"),
        ("/slow/5000/video.mp4", "timeout"),
    ],
)
def test_each_limit_fails_with_its_own_code(strict: Stack, origin: Origin, path: str, code: str) -> None:
    job = strict.wait(strict.submit(origin.url(path)), "failed", "completed")

    assert (job["status"], job["error_code"]) == ("failed", code)


def test_a_result_expires_and_its_row_stays(strict: Stack, origin: Origin) -> None:
    job = strict.wait(strict.submit(origin.url("/video.mp4")), "completed", "failed")
    assert job["status"] == "completed", job

    expired = strict.wait(job["request_id"], "expired", seconds=60)

    assert expired["file_info"] is None
    assert strict.session.get(job["file_info"]["file_url"], timeout=10).status_code in (403, 404, 410)
    assert not list((strict.directory / "data" / "files").rglob("*.mp4"))


def test_private_addresses_are_blocked_by_default(tmp_path: Path, origin: Origin) -> None:
    with running_stack(tmp_path, ALLOW_PRIVATE_ADDRESSES="false", MAX_ATTEMPTS="1") as service:
        job = service.wait(service.submit(origin.url("/video.mp4")), "failed", "completed")

    assert job["error_code"] == "blocked_address"
    assert not origin.requests


def test_interrupt_ends_everything_and_a_second_start_keeps_the_data(tmp_path: Path, origin: Origin) -> None:
    with running_stack(tmp_path) as service:
        job = service.wait(service.submit(origin.url("/video.mp4")), "completed")
        running = service.submit(origin.url("/slow/1500000/big.mp4"))
        service.wait_until(lambda: service.job(running)["progress"]["downloaded_bytes"], bool)

        service.stop()
        assert service.processes() == []
        assert "Traceback" not in service.log()

        again = start_stack(tmp_path, {"DATABASE_URL": service.database_url})
        try:
            wait_until_ready(again)
            assert again.job(job["request_id"])["status"] == "completed"
            assert again.wait(running, "completed", "failed", seconds=60)["status"] == "completed"
        finally:
            again.stop()
        assert again.processes() == []
    resumed = [request.range for request in origin.requests if request.path.startswith("/slow")]
    assert any(value and not value.startswith("bytes=0-") for value in resumed), resumed


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_service(tmp_path: Path, number: signal.Signals) -> None:
    with running_stack(tmp_path) as service:
        assert len(service.processes()) > 5
        service.process.send_signal(number)

        service.process.wait(20)
        assert service.wait_until(service.processes, lambda left: not left, seconds=15) == []


def test_a_killed_worker_loses_no_job(tmp_path: Path, origin: Origin) -> None:
    with running_stack(tmp_path, LEASE_SECONDS="5") as service:
        job_id = service.submit(origin.url("/slow/2000000/big.mp4"))
        service.wait_until(lambda: service.job(job_id)["progress"]["downloaded_bytes"], bool)

        for pid in downloading(service):
            os.kill(pid, signal.SIGKILL)

        job = service.wait(job_id, "completed", "failed", seconds=60)
        assert job["status"] == "completed", job
        assert job["attempts"] == 2


def test_a_dead_queue_is_replaced_without_a_restart(tmp_path: Path, origin: Origin) -> None:
    with running_stack(tmp_path) as service:
        main = json.loads(next(line for line in service.log().splitlines() if "worker ready" in line))["worker"]
        pid = int(main.rpartition(":")[2])

        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)

        service.wait_until(service.log, lambda log: log.count('"worker ready"') == 2, seconds=60)
        job = service.wait(service.submit(origin.url("/video.mp4")), "completed", "failed")
    assert job["status"] == "completed", job


def downloading(service: Stack) -> list[int]:
    """The worker processes that have a download under way: the parents of the processes in work directories."""
    work = str(service.directory / "data" / "work")
    children = [pid for pid in service.processes() if str(Path(f"/proc/{pid}/cwd").readlink()).startswith(work)]
    return [int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in children]
