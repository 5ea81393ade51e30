from collections.abc import Iterable
from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.db import DatabaseError
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Scope, User
from jobs import canaries, circuit, tallies
from jobs.engine.contract import FailureCode
from jobs.models import ProbeLink, Worker
from jobs.states import State, Tallied
from tests.factories import make_file, make_job, make_key

pytestmark = pytest.mark.django_db
METRICS = "/api/v1/metrics"
STRANGER = "203.0.113.9"


@pytest.fixture(autouse=True)
def fresh() -> None:
    cache.clear()


def scrape(client: APIClient) -> list[Sample]:
    response = client.get(METRICS)
    assert response.status_code == 200, response.content
    return samples(response.content.decode())


def samples(text: str) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def value(found: Iterable[Sample], name: str, **labels: str) -> float | None:
    return next((sample.value for sample in found if (sample.name, sample.labels) == (name, labels)), None)


def from_address(address: str, **headers: str) -> APIClient:
    return APIClient(raise_request_exception=False, REMOTE_ADDR=address, headers=headers)


@pytest.mark.parametrize("path", [METRICS, f"{METRICS}/", "/metrics", "/metrics/"])
@pytest.mark.parametrize("accept", ["*/*", "text/plain", "application/openmetrics-text;version=1.0.0", ""])
def test_this_machine_reads_metrics_without_a_key(path: str, accept: str) -> None:
    response = from_address("127.0.0.1", Accept=accept).get(path)

    assert response.status_code == 200
    openmetrics = accept.startswith("application/openmetrics-text")
    assert response["Content-Type"].startswith("application/openmetrics-text" if openmetrics else "text/plain")
    assert b"media_jobs" in response.content


def test_strangers_need_a_key_of_the_scope_admin(owner: User) -> None:
    _, reader = make_key(owner, scopes=[Scope.READ, Scope.WRITE])
    _, admin = make_key(owner, scopes=[Scope.ADMIN])

    answers = {
        key: from_address(STRANGER, **({"X-API-Key": key} if key else {})).get(METRICS)
        for key in ("", "mdl_wrong", reader, admin)
    }

    assert [answer.status_code for answer in answers.values()] == [401, 401, 403, 200]
    codes = [answer.json()["error"]["code"] for answer in list(answers.values())[:3]]
    assert codes == ["AUTHENTICATION_REQUIRED", "INVALID_API_KEY", "FORBIDDEN"]


def test_a_key_that_is_too_weak_is_refused_on_this_machine_too(api: APIClient) -> None:
    assert api.get(METRICS).status_code == 403


@pytest.mark.parametrize(
    ("address", "status"), [("10.1.2.3", 200), ("::ffff:10.1.2.3", 200), ("11.1.2.3", 401), ("", 401)]
)
def test_networks_may_read_as_the_operator_says(settings: Settings, address: str, status: int) -> None:
    settings.METRICS_NETWORKS = ["10.0.0.0/8"]

    assert from_address(address).get(METRICS).status_code == status


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_proxy_nobody_named_opens_the_metrics_to_nobody(header: str) -> None:
    assert from_address("127.0.0.1", **{header: "127.0.0.1"}).get(METRICS).status_code == 401


def test_through_a_trusted_proxy_the_client_counts(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    settings.METRICS_NETWORKS = ["10.0.0.0/8"]

    inside, outside, forged = (
        from_address("127.0.0.1", **{"X-Forwarded-For": hops}).get(METRICS).status_code
        for hops in ("10.1.2.3", STRANGER, f"10.1.2.3, {STRANGER}")
    )

    assert (inside, outside, forged) == (200, 401, 401)


def test_metrics_can_be_turned_off(anonymous: APIClient, settings: Settings) -> None:
    settings.ENABLE_METRICS = False

    response = anonymous.get(METRICS)

    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_what_happened_is_told_for_all_and_by_site(anonymous: APIClient) -> None:
    tallies.note(Tallied.SUBMITTED, site="a.example")
    tallies.note(Tallied.STARTED, label="0.5", seconds=0.3)
    tallies.note(Tallied.STARTED, label="inf", seconds=4000)
    tallies.note(Tallied.COMPLETED, site="a.example", seconds=20, size_bytes=5_000_000_000)
    tallies.note(Tallied.FAILED, site="a.example", label=FailureCode.NETWORK)
    tallies.note(Tallied.RETRIED, site="a.example", label=FailureCode.STALLED)
    tallies.note(Tallied.WEBHOOK, label="delivered")
    tallies.fold()

    found = scrape(anonymous)

    for name, labels, expected in (
        ("media_downloads_submitted_total", {}, 1),
        ("media_downloads_total", {"outcome": "completed"}, 1),
        ("media_downloads_total", {"outcome": "cancelled"}, 0),
        ("media_download_failures_total", {"code": "network"}, 1),
        ("media_download_retries_total", {"code": "stalled"}, 1),
        ("media_download_seconds_total", {}, 20),
        ("media_site_downloads_total", {"site": "a.example", "outcome": "failed"}, 1),
        ("media_site_failures_total", {"site": "a.example", "code": "network"}, 1),
        ("media_site_download_bytes_total", {"site": "a.example"}, 5_000_000_000),
        ("media_site_download_seconds_total", {"site": "a.example"}, 20),
        ("media_queue_wait_seconds_bucket", {"le": "0.25"}, 0),
        ("media_queue_wait_seconds_bucket", {"le": "0.5"}, 1),
        ("media_queue_wait_seconds_bucket", {"le": "1800.0"}, 1),
        ("media_queue_wait_seconds_bucket", {"le": "+Inf"}, 2),
        ("media_queue_wait_seconds_sum", {}, 4000.3),
        ("media_webhook_attempts_total", {"outcome": "delivered"}, 1),
    ):
        assert value(found, name, **labels) == pytest.approx(expected), name


def test_what_there_is_now_is_told(anonymous: APIClient, owner: User) -> None:
    make_job(owner)
    make_job(owner, State.RUNNING, worker_host="b")
    make_file(make_job(owner, State.COMPLETED), size_bytes=1234)
    for host in ("b", "idle"):
        Worker.objects.create(name=f"{host}:1", host=host, slots=3, tools={"yt_dlp": "2026.10.26"})

    found = scrape(anonymous)

    for name, labels, expected in (
        ("media_jobs", {"state": "completed"}, 1),
        ("media_jobs", {"state": "expired"}, 0),
        ("media_queue_depth", {}, 1),
        ("media_queue_ready", {}, 1),
        ("media_children_running", {"worker_host": "b"}, 1),
        ("media_children_running", {"worker_host": "idle"}, 0),
        ("media_workers_alive", {}, 2),
        ("media_worker_slots", {}, 6),
        ("media_ytdlp_info", {"version": "2026.10.26"}, 1),
        ("media_storage_used_bytes", {}, 1234),
        ("media_health_check", {"check": "workers"}, 1),
    ):
        assert value(found, name, **labels) == expected, name
    assert (value(found, "media_ytdlp_age_days") or 0) >= 27
    assert (value(found, "media_worker_heartbeat_age_seconds", worker_host="b") or 0) < 5


def test_sites_that_refuse_and_sites_that_are_watched_are_told(
    anonymous: APIClient, owner: User, settings: Settings
) -> None:
    settings.SITE_SLOW_AFTER, settings.SITE_HOLD_AFTER = 1, 2
    for host in ("slow.example", "held.example", "held.example"):
        circuit.note_refusal(host)
    for host, failures in (("well.example", 0), ("ill.example", canaries.FAILURES_TOLD)):
        probe = canaries.add(owner, ProbeLink(url=f"https://{host}/watch"))
        ProbeLink.objects.filter(pk=probe.pk).update(checked_at=timezone.now(), failures=failures)

    found = scrape(anonymous)

    for name, labels, expected in (
        ("media_sites_held", {}, 1),
        ("media_sites_slowed", {}, 1),
        ("media_site_probe_ok", {"site": "well.example"}, 1),
        ("media_site_probe_ok", {"site": "ill.example"}, 0),
    ):
        assert value(found, name, **labels) == expected, name


def test_what_happened_is_never_kept_back_by_a_cache(anonymous: APIClient) -> None:
    scrape(anonymous)
    tallies.note(Tallied.CANCELLED)
    tallies.fold()

    assert value(scrape(anonymous), "media_downloads_total", outcome="cancelled") == 1


def test_what_there_is_now_is_read_once_for_several_readers(anonymous: APIClient, owner: User) -> None:
    before = value(scrape(anonymous), "media_queue_depth")
    make_job(owner)

    assert value(scrape(anonymous), "media_queue_depth") == before


def test_requests_are_counted_with_labels_that_callers_cannot_make_more_of(anonymous: APIClient) -> None:
    anonymous.get("/version")
    anonymous.generic("INVENTED", "/version")
    anonymous.get("/no/such/page/1")
    anonymous.get("/no/such/page/2")

    found = scrape(anonymous)

    requests = [sample for sample in found if sample.name.startswith("django_http")]
    assert (
        value(requests, "django_http_requests_latency_seconds_by_view_method_count", view="version", method="GET") or 0
    ) >= 1
    assert (value(requests, "django_http_requests_latency_including_middlewares_seconds_bucket", le="2.0") or 0) >= 1
    assert not [sample for sample in requests if "INVENTED" in str(sample.labels) or "such" in str(sample.labels)]


def test_without_a_database_metrics_tell_just_that(anonymous: APIClient) -> None:
    with patch("jobs.health.connection.cursor", side_effect=DatabaseError("host=s3cr3t")):
        response = anonymous.get(METRICS)

    found = samples(response.content.decode())
    assert value(found, "media_health_check", check="database") == 0
    assert value(found, "media_health_check", check="disk") == 1
    assert value(found, "media_jobs", state="queued") is None
    assert b"s3cr3t" not in response.content


def test_each_failure_has_its_number_from_the_beginning(anonymous: APIClient) -> None:
    found = scrape(anonymous)

    told = {code.value: value(found, "media_download_failures_total", code=code.value) for code in FailureCode}
    assert set(told.values()) == {0}
