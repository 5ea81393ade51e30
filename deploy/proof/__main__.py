"""Builds the image's root and has it do its work: see `main` for every step. Ends with 0 when all held.

Not proven: that a registry has the base under its name, how an engine stores layers and names hosts, other processors.
"""

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.proof.containers import Container, fetched, start
from deploy.proof.roots import PROJECT, Stage, build, bytes_in

IMAGE_LIMIT_BYTES = 600 * 1000**2
START_SECONDS = 90
KEY = "mdl_a-key-for-the-proof-of-the-image"


def main(directory: str) -> int:
    work = Path(directory).resolve()
    work.mkdir(parents=True, exist_ok=True)
    stage = build(work)
    size = bytes_in(stage.root)
    print(f"The image holds {size / 1000**2:.0f} MB, {bytes_in(work / 'base') / 1000**2:.0f} MB of it the base.")
    assert size < IMAGE_LIMIT_BYTES, "the image is too large"
    told = told_megabytes()
    assert abs(size / 1000**2 - told) < 5, f"docs/deployment.md tells of {told} MB"
    refuses_without_secrets(stage, work)
    origin_port = free_port()
    origin = subprocess.Popen([sys.executable, "-m", "tests.origin.server", "--port", str(origin_port)], cwd=PROJECT)
    try:
        serves_alone(stage, work, origin_port)
        serves_apart(stage, work, origin_port)
    finally:
        origin.terminate()
        origin.wait(10)
    print("All of it held.")
    return 0


def told_megabytes() -> int:
    """The image's size as the documentation has it."""
    found = re.search(r"(\d+) MB by file sizes", (PROJECT / "docs" / "deployment.md").read_text())
    assert found, "docs/deployment.md tells no size"
    return int(found[1])


def refuses_without_secrets(stage: Stage, work: Path) -> None:
    container = start(stage, work / "refused", {})
    code = container.process.wait(START_SECONDS)
    told = (work / "refused.log").read_text().splitlines()[-1]
    assert code == 1, f"it ended with {code}"
    assert "SECRET_KEY must be given in production" in told, told
    print(f"Without secrets it refuses: {told}")


def serves_alone(stage: Stage, work: Path, origin_port: int) -> None:
    """One container with the image's own command."""
    variables = given(work)
    container = start(stage, work / "alone", variables)
    try:
        wait_until(container.healthy, "the container is healthy", container)
        assert container.user_ids() == "1000"
        assert not container.can_write("/app/written"), "the root can be written to"
        downloads_one(variables["PORT"], origin_port)
        code, seconds = container.stop()
        print(f"Web and workers in one: healthy, one download, stopped by SIGTERM in {seconds:.1f} s with {code}.")
    finally:
        container.kill()


def serves_apart(stage: Stage, work: Path, origin_port: int) -> None:
    """The same image thrice over one volume: set up, web, worker."""
    variables, data = given(work), work / "apart"
    assert start(stage, data, variables, ["python", "manage.py", "setup"]).process.wait(START_SECONDS) == 0
    web = start(stage, data, variables, ["gunicorn", "downloader_project.wsgi"])
    worker = start(stage, data, {**variables, "PORT": str(free_port())}, ["python", "manage.py", "worker"])
    try:
        wait_until(web.healthy, "the web is healthy", web)
        wait_until(worker.healthy, "the worker is healthy", worker)
        downloads_one(variables["PORT"], origin_port)
        stopped = {name: one.stop() for name, one in (("web", web), ("worker", worker))}
        print(f"Web and worker apart: healthy, one download, stopped by SIGTERM: {stopped}.")
    finally:
        web.kill()
        worker.kill()


def given(work: Path) -> dict[str, str]:
    """What an operator gives: secrets as scripts/new-secrets prints them, and an address to listen on."""
    printed = subprocess.run(["scripts/new-secrets"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    secrets = dict(line.split("=", 1) for line in printed.splitlines())
    return {**secrets, "API_KEY": KEY, "PORT": str(free_port()), "ALLOW_PRIVATE_ADDRESSES": "true", "WORKERS": "2"}


def downloads_one(port: str, origin_port: int) -> None:
    api, film = f"http://127.0.0.1:{port}/api/v1", f"http://127.0.0.1:{origin_port}/video.mp4"
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    body = json.dumps({"url": film}).encode()
    job_id = json.loads(fetched(f"{api}/download", headers=headers, body=body))["request_id"]
    job: dict[str, object] = {}

    def has_ended() -> bool:
        job.update(json.loads(fetched(f"{api}/download/{job_id}", headers=headers)))
        return job["status"] in ("completed", "failed")

    wait_until(has_ended, "the download has ended")
    assert job["status"] == "completed", job
    info = job["file_info"]
    assert isinstance(info, dict)
    content = fetched(info["file_url"])
    assert hashlib.sha256(content).hexdigest() == info["sha256"]


def wait_until(holds: Callable[[], bool], what: str, container: Container | None = None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not holds():
        assert container is None or container.process.poll() is None, f"it ended before {what}"
        assert time.monotonic() < deadline, f"not within {START_SECONDS} s: {what}"
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    if os.geteuid():
        sys.exit("The proof makes roots and mounts: run it as root.")
    sys.exit(main(*sys.argv[1:]))
