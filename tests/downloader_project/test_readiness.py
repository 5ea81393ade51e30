"""What a server says of itself when its database goes away: real gunicorn, a PostgreSQL of its own that is stopped."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.downloader_project.test_web_server import running
from tests.postgres import programs_directory, started

pytestmark = pytest.mark.slow


def test_a_database_that_goes_away_is_told_at_once(tmp_path: Path) -> None:
    with ExitStack() as database:
        url = database.enter_context(started(programs_directory()[0]))
        with running(tmp_path, DATABASE_URL=url, METRICS_NETWORKS="127.0.0.0/8") as server:
            before = requests.get(server.url("/readyz"), timeout=20)
            database.close()

            asked = time.monotonic()
            ready = requests.get(server.url("/readyz"), timeout=20)
            seconds = time.monotonic() - asked
            health = requests.get(server.url("/api/v1/health"), timeout=20)
            metrics = requests.get(server.url("/api/v1/metrics"), timeout=20)

    assert (before.status_code, before.json()["checks"]["database"]["status"]) == (200, "ok")
    assert (ready.status_code, ready.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert seconds < 8
    assert (health.status_code, health.json()["status"]) == (200, "unhealthy")
    assert health.json()["checks"]["workers"]["message"] == "not known: the database does not answer"
    assert health.json()["checks"]["disk"]["status"] == "ok"
    assert metrics.status_code == 200
    assert 'media_health_check{check="database"} 0.0' in metrics.text
    assert "media_jobs{" not in metrics.text
    assert "django_http_requests" in metrics.text
