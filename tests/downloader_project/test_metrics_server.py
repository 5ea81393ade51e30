"""Metrics of a server with several processes: real gunicorn, whose processes die and are replaced."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.downloader_project.test_web_server import Server, running, wait_until
from tests.journeys.stack import PROJECT, free_port

pytestmark = pytest.mark.slow
PROCESSES = 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = str(free_port())
    directory = tmp_path_factory.mktemp("metrics")
    with running(directory, WORKERS=str(PROCESSES), METRICS_HOST="127.0.0.1", METRICS_PORT=port) as started:
        yield started


def processes(server: Server) -> set[int]:
    main = server.process.pid
    return {int(pid) for pid in Path(f"/proc/{main}/task/{main}/children").read_text().split()}


def counts_directory(server: Server) -> Path:
    """Where a process of the server has its counts."""
    for pid in processes(server):
        if found := re.search(r"/\S+/media-metrics-\w+", Path(f"/proc/{pid}/maps").read_text()):
            return Path(found[0])
    pytest.fail("no process has its counts open")


def asked(server: Server, times: int) -> None:
    """Ask so often on connections of their own that every process answers."""
    for _ in range(times):
        assert requests.get(server.url("/version"), timeout=20).status_code == 200


def counted(server: Server, *, port: str = "") -> float:
    """How many requests for /version all processes together counted."""
    url = f"http://127.0.0.1:{port}/metrics" if port else server.url("/api/v1/metrics")
    text = requests.get(url, timeout=20).text
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "django_http_requests_latency_seconds_by_view_method_count"
        and sample.labels == {"view": "version", "method": "GET"}
    ]
    return sum(found)


def test_every_process_tells_the_counts_of_all(server: Server) -> None:
    before = counted(server)

    asked(server, 30)

    assert {counted(server) for _ in range(10)} == {before + 30}
    assert len(list(counts_directory(server).glob("counter_*.db"))) == PROCESSES


def test_counts_survive_the_death_of_processes_and_their_files_do_not_pile_up(server: Server) -> None:
    asked(server, 20)
    before = counted(server)

    for _ in range(2):
        old = processes(server)
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda old=old: len(processes(server) - old) == PROCESSES, seconds=20)  # type: ignore[misc]
        asked(server, 5)

    assert counted(server) == before + 10
    assert len(list(counts_directory(server).glob("counter_*.db"))) == PROCESSES


def test_counts_survive_a_reload(server: Server) -> None:
    asked(server, 5)
    before, old = counted(server), processes(server)

    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: processes(server).isdisjoint(old) and len(processes(server)) == PROCESSES, seconds=30)
    asked(server, 5)

    assert counted(server) == before + 5


def test_queries_are_counted(server: Server) -> None:
    text = requests.get(server.url("/api/v1/metrics"), timeout=20).text

    assert re.search(r'^django_db_execute_total\{alias="default",vendor="\w+"\} [1-9]', text, re.MULTILINE)
    assert re.search(r'^django_db_query_duration_seconds_bucket\{.*le="0.1".*\} [1-9]', text, re.MULTILINE)


def test_the_port_of_its_own_has_metrics_and_nothing_else(server: Server) -> None:
    port = server.environment["METRICS_PORT"]
    url = f"http://127.0.0.1:{port}"
    by_proxy = {"X-Forwarded-For": "203.0.113.9", "Host": "whatever.example"}

    page = requests.get(f"{url}/metrics", headers=by_proxy, timeout=20)

    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/plain")
    assert counted(server, port=port) == counted(server)
    assert requests.head(f"{url}/metrics", timeout=20).text == ""
    for method, path in (("GET", "/version"), ("GET", "/"), ("POST", "/metrics"), ("GET", "/api/v1/download")):
        assert requests.request(method, f"{url}{path}", timeout=20).status_code == 404
    strangers = requests.get(server.url("/metrics"), headers=by_proxy | {"Host": "localhost"}, timeout=20)
    assert strangers.status_code == 401


def test_a_server_starts_with_no_counts_and_takes_its_own_along(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert counted(server) == 0  # what it rehearses before its first request is not counted
        directory = counts_directory(server)
        assert directory.is_dir()

    assert not directory.exists()


def test_without_metrics_nothing_of_them_is_loaded(tmp_path: Path) -> None:
    code = "import sys, downloader_project.wsgi; print({'prometheus_client', 'django_prometheus'} & set(sys.modules))"
    for enabled, loaded in (("false", "set()"), ("true", "{'")):
        variables = {
            "PATH": os.environ["PATH"],
            "ENV_FILE": os.devnull,
            "STORAGE_DIR": str(tmp_path),
            "ENABLE_METRICS": enabled,
        }
        command = [sys.executable, "-W", "ignore", "-c", code]
        done = subprocess.run(command, cwd=PROJECT, env=variables, check=True, capture_output=True, text=True)
        assert done.stdout.startswith(loaded)
