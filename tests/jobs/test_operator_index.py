"""The admin's first page: what it tells, to whom, and what it costs."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import circuit, samples
from jobs.engine.contract import FailureCode
from jobs.models import JobLog, ProbeLink, QueueSample, Worker
from jobs.states import State
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db
INDEX = reverse("admin:index")


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def fresh() -> None:
    caches["process"].clear()


def page(browser: Client) -> str:
    return browser.get(INDEX).content.decode()


def test_an_empty_installation_has_a_page_that_says_what_is_missing(browser: Client) -> None:
    text = page(browser)

    assert "No worker is alive" in text
    assert "Nothing ended in the last 24 hours." in text


def test_it_tells_states_sites_failures_and_who_works_on_what(browser: Client, owner: User) -> None:
    Worker.objects.create(name="one:7", host="worker", slots=3)
    running = make_job(owner, State.RUNNING)
    make_job(owner, State.COMPLETED)
    make_job(owner, State.EXPIRED)
    failed = make_job(owner, State.FAILED, error_code=FailureCode.DRM)
    make_job(owner, State.FAILED, error_code=FailureCode.DRM, completed_at=timezone.now() - timedelta(days=2))

    text = page(browser)

    assert "1 of 3 slots" in text
    assert running.public_id in text
    assert f'href="{reverse("admin:jobs_job_change", args=[failed.pk])}"' in text
    row = text[text.index("?host=media.example") :]
    assert [cell in row[:900] for cell in ("<td>2</td>", ">1</a>", "<td>67 %</td>")] == [True] * 3


def test_from_a_sites_failures_it_is_a_step_to_the_jobs_and_another_to_the_log(browser: Client, owner: User) -> None:
    make_job(owner, State.COMPLETED)
    failed = make_job(owner, State.FAILED, error_code=FailureCode.DRM, error="It is protected.")
    JobLog.objects.create(job=failed, lines=["the last words"], total_lines=1)

    to_jobs = re.search(r'href="([^"]+state__exact=failed&amp;hours=24)"', page(browser))
    assert to_jobs is not None
    jobs = browser.get(to_jobs[1].replace("&amp;", "&")).content.decode()
    to_job = re.findall(r'href="(/admin/jobs/job/\d+/change/)[^"]*"', jobs)
    assert to_job == [reverse("admin:jobs_job_change", args=[failed.pk])]
    job = browser.get(to_job[0]).content.decode()

    assert "It is protected." in job
    assert "the last words" in job


def test_charts_have_names_and_the_same_in_numbers(browser: Client, owner: User) -> None:
    make_job(owner, State.COMPLETED)
    make_job(owner, queued_at=timezone.now() - timedelta(minutes=42))
    samples.take()

    text = page(browser)

    assert text.count('role="img"') == 2
    assert text.count("<details>") >= 2
    assert '<rect class="succeeded"' in text
    assert '<polyline class="curve"' in text
    assert "<td>42 min</td>" in text


def test_a_curve_is_broken_where_nobody_looked(browser: Client) -> None:
    now = timezone.now()
    for hours in (20, 19.95, 3, 2.95):
        sample = samples.take()
        QueueSample.objects.filter(pk=sample.pk).update(at=now - timedelta(hours=hours))

    assert page(browser).count('<polyline class="curve"') == 3


def test_trouble_stands_first(browser: Client, owner: User, settings: Settings) -> None:
    Worker.objects.create(name="one:7", host="worker", slots=3)
    assert "Needs you" not in page(browser)
    settings.SITE_HOLD_AFTER = 1
    circuit.note_refusal("held.example")
    ProbeLink.objects.create(
        owner=owner, url="http://bad.example/v", host="bad.example", failures=2, failing_since=timezone.now()
    )
    caches["process"].clear()

    text = page(browser)

    assert "held.example is held until" in text
    assert "Downloads from bad.example fail since" in text


def test_it_is_for_those_who_may_look_at_jobs(client: Client) -> None:
    client.force_login(make_user(is_staff=True))

    assert "Needs you" not in page(client)


def test_it_costs_few_queries_and_none_for_a_while(
    browser: Client, owner: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_job(owner, State.FAILED, error_code=FailureCode.DRM)

    with django_assert_max_num_queries(18):
        page(browser)
    with django_assert_max_num_queries(6):
        page(browser)


def test_nothing_in_it_needs_an_inline_style_or_script(browser: Client, owner: User) -> None:
    make_job(owner, State.COMPLETED)

    text = page(browser)

    assert " style=" not in text
    assert "<style" not in text
    assert "<script>" not in text
