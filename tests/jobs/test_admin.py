from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from jobs import queue, services
from jobs.engine.contract import FailureCode
from jobs.models import Job, JobEvent, Tally, TallyEntry, Worker
from jobs.states import State, Tallied
from tests.factories import make_file, make_job, make_user

pytestmark = pytest.mark.django_db

JOBS = reverse("admin:jobs_job_changelist")


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here that could fulfil a wish."""
    monkeypatch.setattr(services, "STOP_DEADLINE_SECONDS", 0.0)


def act(browser: Client, action: str, *jobs: Job) -> Any:
    return browser.post(JOBS, {"action": action, "_selected_action": [job.pk for job in jobs]}, follow=True)


def state_of(job: Job) -> str:
    return Job.objects.get(pk=job.pk).state


@pytest.mark.parametrize(
    ("action", "state", "target"),
    [
        ("cancel", State.QUEUED, State.CANCELLED),
        ("pause", State.QUEUED, State.PAUSED),
        ("retry", State.FAILED, State.QUEUED),
    ],
)
def test_actions_touch_what_they_can_and_say_why_not_the_rest(
    browser: Client, action: str, state: State, target: State
) -> None:
    fitting, unfitting = make_job(state=state), make_job(state=State.COMPLETED)

    text = act(browser, action, fitting, unfitting).content.decode()

    assert (state_of(fitting), state_of(unfitting)) == (target, State.COMPLETED)
    assert fitting.events.get().target == target
    assert "Done for 1 job." in text
    assert f"1 job was left alone: Job {unfitting.public_id} is completed and cannot be" in text


def test_who_may_only_look_cannot_act(client: Client) -> None:
    viewer = make_user(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_job"))
    client.force_login(viewer)
    job = make_job()

    response = act(client, "cancel", job)

    assert job.public_id in response.content.decode()
    assert state_of(job) == State.QUEUED


@pytest.mark.parametrize("name", ["add", "delete", "change"])
@pytest.mark.parametrize("model", ["job", "worker"])
def test_rows_are_only_looked_at(browser: Client, model: str, name: str) -> None:
    row = make_job() if model == "job" else Worker.objects.create(name="one", host="one", slots=1)
    path = reverse(f"admin:jobs_{model}_{name}", args=[] if name == "add" else [row.pk])

    assert browser.post(path, {"post": "yes", "state": State.COMPLETED}).status_code == 403


def test_a_jobs_page_shows_its_events_and_files(browser: Client) -> None:
    job = make_job(state=State.COMPLETED)
    JobEvent.objects.create(job=job, target=State.QUEUED, reason="submitted by hand")
    file = make_file(job)

    text = browser.get(reverse("admin:jobs_job_change", args=[job.pk])).content.decode()

    assert [part for part in (job.public_id, "submitted by hand", file.path) if part not in text] == []
    assert 'name="_save"' not in text


def test_jobs_are_found_by_the_beginning_of_their_id(browser: Client) -> None:
    wanted, other = make_job(public_id="req_abc111"), make_job(public_id="req_xyz222")

    text = browser.get(JOBS, {"q": "req_ab"}).content.decode()

    assert (wanted.public_id in text, other.public_id in text) == (True, False)


def test_jobs_are_filtered_by_state_and_error(browser: Client) -> None:
    wanted = make_job(state=State.FAILED, error_code=FailureCode.DRM)
    others = [make_job(), make_job(state=State.FAILED, error_code=FailureCode.NETWORK)]

    text = browser.get(JOBS, {"state__exact": "failed", "error_code__exact": "drm"}).content.decode()

    assert wanted.public_id in text
    assert not any(job.public_id in text for job in others)


def test_the_list_costs_the_same_number_of_queries_for_many_jobs(
    browser: Client, owner: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_job()

    with django_assert_max_num_queries(8):
        browser.get(JOBS)


def test_workers_show_whether_they_live(browser: Client) -> None:
    Worker.objects.create(name="alive", host="one", slots=1)
    Worker.objects.create(name="silent", host="two", slots=1, seen_at=timezone.now() - timedelta(minutes=5))

    text = browser.get(reverse("admin:jobs_worker_changelist")).content.decode()

    assert (text.count("icon-yes"), text.count("icon-no")) == (1, 1)


def test_fifty_workers_cost_no_more_queries_than_one(browser: Client, django_assert_max_num_queries: Any) -> None:
    Worker.objects.bulk_create(Worker(name=f"w:{number}", host="one", slots=1) for number in range(50))

    with django_assert_max_num_queries(6):
        browser.get(reverse("admin:jobs_worker_changelist"))


@pytest.mark.parametrize("model", [Tally, TallyEntry])
def test_what_is_counted_is_looked_at_and_not_changed(browser: Client, model: type[Tally | TallyEntry]) -> None:
    for site in ("one.example", "two.example"):
        row = model.objects.create(kind=Tallied.FAILED, site=site, label="drm", times=7)
    place = f"admin:jobs_{model._meta.model_name}"

    text = browser.get(reverse(f"{place}_changelist"), {"site": "ONE.example"}).content.decode()

    assert ("one.example</td>" in text, "two.example</td>" in text) == (True, False)
    assert browser.get(reverse(f"{place}_change", args=[row.pk])).status_code == 200
    assert browser.post(reverse(f"{place}_change", args=[row.pk]), {"times": 9}).status_code == 403
    assert browser.get(reverse(f"{place}_add")).status_code == 403
    assert browser.post(reverse(f"{place}_delete", args=[row.pk])).status_code == 403


def test_the_queues_own_tables_are_only_looked_at(browser: Client) -> None:
    queue.wake()
    models = [model for model in admin.site._registry if model._meta.app_label == "django_q"]
    assert models

    for model in models:
        name = f"admin:django_q_{model._meta.model_name}"
        assert browser.get(reverse(f"{name}_changelist")).status_code == 200
        assert browser.get(reverse(f"{name}_add")).status_code == 403
