from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from jobs import bulk, services
from jobs.errors import StateConflict, ValueRefused
from jobs.models import Job, ProbeLink
from jobs.states import BatchKind, State
from jobs.thumbnails import token_of
from jobs.views import queue
from tests.factories import make_batch, make_job
from tests.jobs.looks import LINK, read, video

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
PICTURE = "https://pictures.example/1.jpg"


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here that could fulfil a wish."""
    monkeypatch.setattr(services, "STOP_DEADLINE_SECONDS", 0.0)


def rows(browser: Client, query: str = "") -> str:
    return browser.get(reverse("jobs:rows") + query).content.decode()


def do(browser: Client, verb: str, *public_ids: str, **headers: str) -> Any:
    fields = {"verb": verb, "chosen": list(public_ids)}
    return browser.post(reverse("jobs:selected"), fields, headers={**HTMX, **headers})


def states(*jobs: Job) -> list[str]:
    for job in jobs:
        job.refresh_from_db()
    return [job.state for job in jobs]


def test_a_batch_is_one_row_that_tells_how_far_it_is(browser: Client, owner: User) -> None:
    batch = make_batch(owner, state=State.RUNNING, title="Films", started_at=timezone.now())
    done = [make_job(owner, State.COMPLETED, batch=batch, position=number) for number in (1, 2)]
    make_job(owner, State.FAILED, batch=batch, position=3)
    make_job(owner, batch=batch, position=4)

    text = rows(browser)

    assert ("Films" in text, "2/4" in text, "1 failed" in text) == (True, True, True)
    assert f'href="{reverse("jobs:batch", args=[batch.public_id])}"' in text
    assert done[0].public_id not in text


def test_pages_that_are_only_read_are_no_rows(browser: Client, owner: User) -> None:
    batch = make_batch(owner, kind=BatchKind.METADATA)

    assert batch.public_id not in rows(browser)


def test_jobs_and_batches_are_paged_together(browser: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "PAGE_LENGTH", 2)
    moment = timezone.now()
    things: list[Any] = [make_batch(owner, created_at=moment), make_job(owner, created_at=moment)]
    things += [make_job(owner, created_at=moment + timedelta(seconds=1)), make_batch(owner, created_at=moment)]
    seen: list[str] = []
    before = ""
    for _ in range(3):
        page = queue.page_of(owner, before)
        seen += [row.public_id for row in page.rows]
        before = seen[-1]

    assert sorted(seen) == sorted(thing.public_id for thing in things)
    assert seen[0] == things[2].public_id


@pytest.mark.parametrize(("change", "value"), [("state", State.CANCELLED), ("title", "Other")])
def test_a_batch_that_changes_changes_the_list(browser: Client, owner: User, change: str, value: str) -> None:
    batch = make_batch(owner)
    path = reverse("jobs:rows")
    etag = browser.get(path)["ETag"]
    assert browser.get(path, headers={"If-None-Match": etag}).status_code == 304

    type(batch).objects.filter(pk=batch.pk).update(**{change: value})

    assert browser.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_a_row_shows_its_picture_through_this_server(browser: Client, owner: User) -> None:
    make_job(owner, State.COMPLETED, metadata={"thumbnail": PICTURE})

    text = rows(browser)

    assert reverse("jobs:thumbnail", args=[token_of(PICTURE)]) in text
    assert "pictures.example" not in text


def test_what_a_look_told_is_shown_before_the_download_tells_it(browser: Client, owner: User) -> None:
    make_job(owner, url=LINK)
    read(owner, video(metadata={"thumbnail": PICTURE}))

    text = rows(browser)

    assert (token_of(PICTURE) in text, "Boats &amp; ships" in text) == (True, True)


@pytest.mark.parametrize(("step", "priority"), [("raise", 6), ("lower", 4)])
def test_a_waiting_job_moves_in_the_queue(browser: Client, owner: User, step: str, priority: int) -> None:
    job = make_job(owner)

    response = browser.post(reverse("jobs:priority", args=[job.public_id, step]), headers=HTMX)

    job.refresh_from_db()
    assert job.priority == priority
    assert f"priority {priority}" in response.content.decode()
    assert "jobs-changed" in response["HX-Trigger-After-Settle"]


def test_beyond_the_highest_priority_there_is_none(browser: Client, owner: User) -> None:
    job = make_job(owner, priority=9)

    assert browser.post(reverse("jobs:priority", args=[job.public_id, "raise"]), headers=HTMX).status_code == 200
    with pytest.raises(ValueRefused):
        services.reprioritise(job, 10)


def test_a_running_job_cannot_be_moved(browser: Client, owner: User) -> None:
    job = make_job(owner, State.RUNNING)

    response = browser.post(reverse("jobs:priority", args=[job.public_id, "raise"]), headers=HTMX)

    assert "is running and cannot be moved in the queue." in response.content.decode()
    with pytest.raises(StateConflict):
        services.reprioritise(job, 9)


def test_other_peoples_jobs_cannot_be_moved(browser: Client) -> None:
    assert browser.post(reverse("jobs:priority", args=[make_job().public_id, "raise"])).status_code == 404


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("pause", State.QUEUED, State.PAUSED),
        ("resume", State.PAUSED, State.QUEUED),
        ("cancel", State.QUEUED, State.CANCELLED),
        ("retry", State.FAILED, State.QUEUED),
        ("delete", State.COMPLETED, State.EXPIRED),
    ],
)
def test_what_is_ticked_is_changed_and_nothing_else(
    browser: Client, owner: User, verb: str, before: State, after: State
) -> None:
    chosen, other, foreign = make_job(owner, before), make_job(owner, before), make_job(None, before)

    text = do(browser, verb, chosen.public_id, foreign.public_id).content.decode()

    assert states(chosen, other, foreign) == [after, before, before]
    assert "1 changed." in text


def test_one_that_cannot_be_changed_stops_no_other(browser: Client, owner: User) -> None:
    finished, waiting = make_job(owner, State.COMPLETED), make_job(owner)

    text = do(browser, "pause", finished.public_id, waiting.public_id).content.decode()

    assert states(waiting) == [State.PAUSED]
    assert f"Job {finished.public_id} is completed and cannot be paused." in text


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("cancel", State.QUEUED, State.CANCELLED),
        ("pause", State.QUEUED, State.PAUSED),
        ("retry", State.FAILED, State.QUEUED),
    ],
)
def test_a_ticked_batch_stands_for_its_downloads(owner: User, verb: str, before: State, after: State) -> None:
    batch = make_batch(owner, state=State.FAILED if before == State.FAILED else State.QUEUED)
    jobs = [make_job(owner, before, batch=batch, position=number) for number in (1, 2)]

    outcome = bulk.apply(owner, verb, [batch.public_id])

    assert (outcome.done, outcome.refusals) == (1, [])
    assert states(*jobs) == [after, after]


def test_a_batch_that_has_nothing_for_a_verb_says_so(owner: User) -> None:
    outcome = bulk.apply(owner, "pause", [make_batch(owner).public_id])

    assert outcome.done == 0
    assert "has no downloads for that" in outcome.refusals[0]


def test_without_scripts_the_page_comes_anew(browser: Client, owner: User) -> None:
    job = make_job(owner)

    response = browser.post(reverse("jobs:selected"), {"verb": "pause", "chosen": job.public_id})

    assert (response.status_code, response["Location"]) == (302, "/")
    assert states(job) == [State.PAUSED]


def test_unknown_verbs_do_not_exist(browser: Client) -> None:
    assert do(browser, "explode").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/look"),
        ("get", "/look/ext_0"),
        ("post", "/jobs/selected"),
        ("post", "/jobs/req_0/priority/raise"),
        ("get", "/batches/batch_0"),
        ("get", "/batches/batch_0/live"),
        ("post", "/batches/batch_0/cancel"),
        ("get", "/lists"),
        ("get", "/lists/entries"),
        ("post", "/lists/download"),
        ("get", "/thumbnails/x"),
    ],
)
def test_strangers_see_and_change_nothing(client: Client, method: str, path: str) -> None:
    response = getattr(client, method)(path)

    assert response.status_code == 302
    assert response["Location"].startswith(f"{reverse('accounts:login')}?next=")


def test_a_long_list_needs_as_few_questions_as_a_short_one(owner: User, django_assert_max_num_queries: Any) -> None:
    for number in range(60):
        make_job(owner, State.COMPLETED, batch=make_batch(owner) if number % 3 == 0 else None, position=1)

    with django_assert_max_num_queries(8):
        assert len(queue.page_of(owner, "").rows) == queue.PAGE_LENGTH


def test_a_failing_site_is_told_before_the_first_download(browser: Client, owner: User) -> None:
    ProbeLink.objects.create(
        owner=owner, url="http://other.example/v", host="other.example", failures=2, failing_since=timezone.now()
    )

    assert "Downloads from other.example fail since" in rows(browser)
