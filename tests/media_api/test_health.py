from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yt_dlp.version
from django.core.cache import cache
from django.db import DatabaseError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from pytest_django import Settings
from rest_framework.test import APIClient

from jobs import health as health_checks
from jobs.engine import updates
from jobs.models import Worker
from jobs.states import State
from tests.factories import make_file, make_job


def broken_database() -> Any:
    return patch("jobs.health.connection.cursor", side_effect=DatabaseError("host=secret"))


@pytest.fixture
def worker(db: None) -> Worker:
    return Worker.objects.create(name="a:1", host="a", slots=2)


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/health/", "/api/v1/readyz", "/readyz", "/readyz/"])
def test_health_is_open_and_complete(anonymous: APIClient, worker: Worker, path: str) -> None:
    response = anonymous.get(path)

    assert response.status_code == 200
    health = response.json()
    assert health["status"] == "healthy", health
    assert health.keys() == {"status", "timestamp", "version", "uptime_seconds", "checks"}
    assert health["checks"].keys() == set(health_checks.NAMES)
    assert health["uptime_seconds"] >= 0
    assert abs((parse_datetime(health["timestamp"]) or timezone.now()) - timezone.now()).total_seconds() < 10


def test_without_workers_the_service_is_degraded_but_ready(anonymous: APIClient, db: None) -> None:
    health, ready = anonymous.get("/api/v1/health"), anonymous.get("/api/v1/readyz")

    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["checks"]["workers"]["status"] == "failed"
    assert ready.status_code == 200


def test_a_full_disk_degrades(anonymous: APIClient, worker: Worker, settings: Settings) -> None:
    settings.FREE_DISK_FLOOR_BYTES = 2**60

    assert anonymous.get("/api/v1/health").json()["checks"]["disk"]["status"] == "failed"


@pytest.mark.parametrize("path", ["/api/v1/readyz", "/readyz"])
def test_without_a_database_health_answers_and_readiness_refuses(
    anonymous: APIClient, worker: Worker, path: str
) -> None:
    with broken_database():
        health, ready = anonymous.get("/api/v1/health"), anonymous.get(path)

    assert (health.status_code, health.json()["status"]) == (200, "unhealthy")
    assert ready.status_code == 503
    assert ready.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert ready.json()["status"] == "unhealthy"
    assert b"secret" not in health.content + ready.content


@pytest.mark.parametrize("path", ["/api/v1/health/stats", "/api/v1/stats", "/api/v1/stats/"])
def test_statistics_are_open_and_complete(anonymous: APIClient, db: None, path: str) -> None:
    cache.clear()
    make_file(make_job(state=State.COMPLETED), size_bytes=700)
    make_job(state=State.FAILED)

    figures = anonymous.get(path).json()

    assert figures["total_downloads"] == 2
    assert figures["total_bytes_downloaded"] == figures["storage_used_bytes"] == 700
    assert (figures["failed_downloads"], figures["success_rate"]) == (1, 50.0)
    assert figures["storage_available_bytes"] > 0
    assert figures["requests_per_minute"] >= 1
    assert figures["ytdlp_version"] == yt_dlp.version.__version__.replace(".0", ".")


def test_statistics_name_the_engine_that_was_chosen(
    anonymous: APIClient, db: None, settings: Settings, tmp_path: Path
) -> None:
    settings.ENGINE_DIR = tmp_path
    (tmp_path / "2026.11.20").mkdir()
    updates.choose(tmp_path, "2026.11.20")
    cache.clear()

    assert anonymous.get("/api/v1/health/stats").json()["ytdlp_version"] == "2026.11.20"

    updates.roll_back(tmp_path)
    cache.clear()
    assert anonymous.get("/api/v1/health/stats").json()["ytdlp_version"] != "2026.11.20"


@pytest.mark.parametrize("path", ["/version", "/version/"])
def test_the_version_is_open(anonymous: APIClient, settings: Settings, path: str) -> None:
    version = anonymous.get(path).json()

    assert version.keys() == {"version", "app_name", "build_date", "features"}
    assert (version["version"], version["app_name"]) == (settings.VERSION, settings.APP_NAME)
    assert {"batches", "playlists", "channels", "cookies", "webhooks"} <= set(version["features"])
