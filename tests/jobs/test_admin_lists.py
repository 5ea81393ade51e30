"""Lists of the admin over many rows: pages by key, filters, searches; and actions on all that a filter lets through."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import operator_pages
from accounts.models import AuditEntry, User
from jobs import operations, services
from jobs.models import Delivery, Job
from jobs.states import State
from tests.factories import make_batch, make_delivery, make_job, make_user

pytestmark = pytest.mark.django_db
JOBS = reverse("admin:jobs_job_changelist")
DELIVERIES = reverse("admin:jobs_delivery_changelist")


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here that could fulfil a wish."""
    monkeypatch.setattr(services, "STOP_DEADLINE_SECONDS", 0.0)


def shown(browser: Client, path: str = JOBS, **query: str) -> list[str]:
    """Ids on the page, in its order."""
    text = browser.get(path, query).content.decode()
    return re.findall(r'<th class="field-public_id">.*?>((?:req|msg)_\w+)<', text)


def make_jobs(owner: User, count: int) -> list[Job]:
    """The newest first; two of each moment, so that the key decides."""
    now = timezone.now()
    same = {"owner": owner, "url": "http://a.example/v", "host": "a.example"}
    rows = [Job(**same, created_at=now - timedelta(minutes=n // 2)) for n in range(count)]
    Job.objects.bulk_create(rows)
    return list(Job.objects.all())


def test_pages_follow_each_other_without_gap_or_repetition(browser: Client, owner: User) -> None:
    jobs = make_jobs(owner, 120)
    seen, path = [], JOBS
    while path:
        text = browser.get(path).content.decode()
        seen += re.findall(r'<th class="field-public_id">.*?>(req_\w+)<', text)
        older = re.search(r'href="([^"]+)" rel="next"', text)
        path = JOBS + older[1].replace("&amp;", "&") if older else ""

    assert seen == [job.public_id for job in jobs]


def test_new_rows_do_not_move_the_next_page(browser: Client, owner: User) -> None:
    jobs = make_jobs(owner, 60)
    text = browser.get(JOBS).content.decode()
    older = re.search(r'href="\?([^"]+)" rel="next"', text)
    make_job(owner)

    assert older is not None
    assert shown(browser, f"{JOBS}?{older[1]}") == [job.public_id for job in jobs[50:]]


@pytest.mark.parametrize(
    "before", ["x", "1", "yesterday~1", "2026-01-01T00:00:00~1", "~", "2026-01-01T00:00:00+00:00~x"]
)
def test_a_broken_place_in_the_list_leads_back_to_its_begin(browser: Client, before: str) -> None:
    assert browser.get(JOBS, {"before": before}).headers["Location"].endswith("?e=1")


def test_a_deep_page_reads_no_offset_and_counts_no_table(browser: Client, owner: User) -> None:
    make_jobs(owner, 120)
    with CaptureQueriesContext(connection) as queries:
        browser.get(JOBS)

    assert [query["sql"] for query in queries if "OFFSET" in query["sql"]] == []
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert all("LIMIT" in sql for sql in counts)


def test_large_numbers_are_told_roughly(browser: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_pages, "COUNTED", 55)
    make_jobs(owner, 55)
    assert "55 jobs" in browser.get(JOBS).content.decode()

    make_job(owner)

    assert "more than 55 jobs" in browser.get(JOBS).content.decode()


def test_the_beginning_of_an_id_is_looked_up_without_sorting(browser: Client, owner: User) -> None:
    """Sorted, PostgreSQL reads ids from the first one on until enough fit: most of the table for `req_a`."""
    job = make_job(owner)
    with CaptureQueriesContext(connection) as queries:
        assert shown(browser, q=job.public_id[:12]) == [job.public_id]

    [lookup] = [query["sql"] for query in queries if "LIKE" in query["sql"]]
    assert "ORDER BY" not in lookup


def test_filters_that_are_typed_in_and_links_of_filters_combine(browser: Client, owner: User) -> None:
    wanted = make_job(owner, State.FAILED, host="a.example")
    make_job(owner, State.FAILED, host="b.example")
    make_job(owner, host="a.example")
    make_job(None, State.FAILED, host="a.example")

    assert shown(browser, host="A.example ", user=owner.username, state__exact="failed") == [wanted.public_id]
    form = browser.get(JOBS, {"state__exact": "failed"}).content.decode()
    assert '<input type="hidden" name="state__exact" value="failed">' in form


def test_jobs_are_filtered_by_when_they_came_and_by_the_worker_that_runs_them(browser: Client, owner: User) -> None:
    old = make_job(owner, created_at=timezone.now() - timedelta(hours=3))
    running = make_job(owner, State.RUNNING, worker_host="one")

    assert shown(browser, hours="1") == [running.public_id]
    assert shown(browser, worker="one") == [running.public_id]
    assert shown(browser, hours="24") == [running.public_id, old.public_id]


def test_the_search_takes_ids_links_batches_hosts_and_names(browser: Client, owner: User) -> None:
    batch = make_batch(owner)
    url = f"https://long.example/{'x' * 300}"
    wanted = make_job(owner, url=url, host="long.example", batch=batch, position=1)
    make_job(None, url=f"{url}y", host="other.example")

    for term in (wanted.public_id, wanted.public_id[:12], url, batch.public_id, "Long.example", owner.username):
        assert shown(browser, q=term) == [wanted.public_id], term
    assert shown(browser, q="nothing.example") == []


def test_messages_are_found_by_what_they_belong_to(browser: Client, owner: User) -> None:
    job = make_job(owner)
    wanted = make_delivery(owner, job=job)
    make_delivery(owner)

    assert shown(browser, DELIVERIES, q=job.public_id) == [wanted.public_id]
    assert shown(browser, DELIVERIES, q=wanted.public_id) == [wanted.public_id]
    assert Delivery.objects.count() == 2


def act(browser: Client, action: str, *jobs: Job, path: str = JOBS, **sent: Any) -> Any:
    chosen = {"action": action, "_selected_action": [job.pk for job in jobs]}
    return browser.post(path, {**chosen, **sent}, follow=True)


def test_an_action_on_all_that_a_filter_lets_through_is_asked_for_first(browser: Client, owner: User) -> None:
    failed = [make_job(owner, State.FAILED) for _ in range(3)]
    waiting = make_job(owner)
    path = f"{JOBS}?state__exact=failed"

    question = act(browser, "requeue", failed[0], path=path, select_across="1").content.decode()

    assert "3 jobs that the filter lets through" in question
    assert Job.objects.filter(state=State.FAILED).count() == 3
    done = act(browser, "requeue", failed[0], path=path, select_across="1", confirmed="yes").content.decode()
    assert "Done for 3 jobs." in done
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.done) == ("requeue", 3)
    assert "state__exact=failed" in entry.details
    assert waiting.public_id not in entry.subjects


def test_more_than_may_be_touched_at_once_is_told(
    browser: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations.apply, "__kwdefaults__", {**operations.apply.__kwdefaults__, "most": 2})
    jobs = [make_job(owner) for _ in range(3)]

    text = act(browser, "cancel", *jobs).content.decode()

    assert "Done for 2 jobs." in text
    assert "There are more" in text


def test_files_are_deleted_after_a_question_only(browser: Client, owner: User) -> None:
    job = make_job(owner, State.COMPLETED)

    assert "Are you sure?" in act(browser, "delete", job).content.decode()
    job.refresh_from_db()
    assert job.state == State.COMPLETED

    act(browser, "delete", job, confirmed="yes")
    job.refresh_from_db()
    assert job.state == State.EXPIRED


def test_a_priority_is_chosen_beside_the_action(browser: Client, owner: User) -> None:
    job = make_job(owner)
    assert "Give a priority from 0 to 9." in act(browser, "reprioritise", job).content.decode()

    assert "Done for 1 job." in act(browser, "reprioritise", job, priority="8").content.decode()

    job.refresh_from_db()
    assert job.priority == 8


def test_a_jobs_page_offers_what_its_state_allows_and_comes_back_to_itself(browser: Client, owner: User) -> None:
    job = make_job(owner)
    path = reverse("admin:jobs_job_change", args=[job.pk])
    page = browser.get(path).content.decode()
    assert re.findall(r'name="action" value="(\w+)"', page) == ["pause", "cancel"]

    response = act(browser, "pause", job, from_job=str(job.pk), select_across="0")

    assert response.redirect_chain == [(path, 302)]
    assert "Done for 1 job." in response.content.decode()
