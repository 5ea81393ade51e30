from typing import Any
from unittest.mock import patch

import pytest
from django.db import DatabaseError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from pytest_django import Settings
from rest_framework.test import APIClient

from jobs.models import Worker


def broken_database() -> Any:
    return patch("media_api.views.health.connection.cursor", side_effect=DatabaseError("host=secret"))


@pytest.fixture
def worker(db: None) -> Worker:
    return Worker.objects.create(name="a:1", host="a", slots=2)


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/health/", "/api/v1/readyz"])
def test_health_is_open_and_complete(anonymous: APIClient, worker: Worker, path: str) -> None:
    response = anonymous.get(path)

    assert response.status_code == 200
    health = response.json()
    assert health["status"] == "healthy", health
    assert health.keys() == {"status", "timestamp", "version", "uptime_seconds", "checks"}
    assert health["checks"].keys() == {"database", "workers", "disk", "ffmpeg"}
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


def test_without_a_database_health_answers_and_readiness_refuses(anonymous: APIClient, worker: Worker) -> None:
    with broken_database():
        health, ready = anonymous.get("/api/v1/health"), anonymous.get("/api/v1/readyz")

    assert (health.status_code, health.json()["status"]) == (200, "unhealthy")
    assert ready.status_code == 503
    assert ready.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert ready.json()["status"] == "unhealthy"
    assert b"secret" not in health.content + ready.content


@pytest.mark.parametrize("path", ["/version", "/version/"])
def test_the_version_is_open(anonymous: APIClient, settings: Settings, path: str) -> None:
    version = anonymous.get(path).json()

    assert version.keys() == {"version", "app_name", "build_date", "features"}
    assert (version["version"], version["app_name"]) == (settings.VERSION, settings.APP_NAME)
