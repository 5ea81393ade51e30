from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from jobs import lifecycle, queue, services
from jobs.engine.contract import Options
from jobs.errors import LinkRefused, QueueFull, StateConflict
from jobs.lifecycle import Lease
from jobs.models import Job
from jobs.services import Submission
from jobs.states import State, Wish
from tests.factories import make_job

pytestmark = pytest.mark.django_db

LINK = "https://media.example/watch?v=1"


def submission(url: str = LINK, **fields: Any) -> Submission:
    return Submission(url=url, options=Options(), **fields)


@pytest.fixture
def wakeups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(queue, "wake", lambda: calls.append("wake"))
    return calls


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here that could fulfil a wish."""
    monkeypatch.setattr(services, "STOP_DEADLINE_SECONDS", 0.0)


def test_submit_queues_the_job_and_wakes_a_worker_after_the_commit(
    owner: User, wakeups: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = services.submit(owner, submission(priority=7))
        assert not wakeups

    assert wakeups == ["wake"]
    assert (job.owner, job.state, job.host, job.priority) == (owner, State.QUEUED, "media.example", 7)
    assert job.download_options() == Options()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://media.example/v",
        "file:///etc/passwd",
        "media.example/v",
        "http://",
        "http:///v",
        "http://user:password@media.example/v",
        "http://[::1/v",
        "http://media.example:port/v",
        "http://a..b/v",
        "http://%00/v",
        "http://youtube.com%2e/v",
        "http://exam\u202eple.org/v",
        f"http://{'a' * 64}.example/v",
        "https://media.example/#__youtubedl_smuggle=%7B%7D",
        "--exec=id",
        "",
    ],
)
def test_submit_refuses_what_is_not_a_plain_web_link(owner: User, url: str) -> None:
    with pytest.raises(LinkRefused):
        services.submit(owner, submission(url))

    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "host", ["youtube.com", "www.YouTube.com", "youtu.be", "m.youtube.com.", "\uff59outube.com", "youtube\u3002com"]
)
def test_youtube_is_refused_until_the_operator_allows_it(owner: User, host: str, settings: Settings) -> None:
    with pytest.raises(LinkRefused, match="ALLOW_YT_DOWNLOADS"):
        services.submit(owner, submission(f"https://{host}/watch?v=1"))

    settings.ALLOW_YT_DOWNLOADS = True
    assert services.submit(owner, submission(f"https://{host}/watch?v=1")).state == State.QUEUED


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [("example.org", True), ("video.example.org", True), ("notexample.org", False), ("example.org.evil.com", False)],
)
def test_allowed_domains_cover_their_subdomains_only(
    owner: User, host: str, is_allowed: bool, settings: Settings
) -> None:
    settings.ALLOWED_DOMAINS = ["example.org"]

    if is_allowed:
        assert services.submit(owner, submission(f"https://{host}/v")).host == host
    else:
        with pytest.raises(LinkRefused, match="not allowed here"):
            services.submit(owner, submission(f"https://{host}/v"))


def test_submit_refuses_one_job_more_than_the_queue_holds(owner: User, settings: Settings) -> None:
    settings.QUEUE_LIMIT = 1
    services.submit(owner, submission())

    with pytest.raises(QueueFull):
        services.submit(owner, submission())

    assert Job.objects.count() == 1


@pytest.mark.parametrize("state", [State.QUEUED, State.PAUSED])
def test_cancel_ends_a_job_that_does_not_run(owner: User, state: State) -> None:
    assert services.cancel(make_job(owner, state)).state == State.CANCELLED


def test_cancel_asks_the_worker_of_a_running_job(owner: User) -> None:
    job = services.cancel(make_job(owner, State.RUNNING))

    assert (job.state, job.wish) == (State.RUNNING, Wish.CANCEL)


def test_pause_holds_a_queued_job_and_resume_queues_it_again(owner: User) -> None:
    job = services.pause(make_job(owner))
    assert job.state == State.PAUSED

    assert services.resume(job).state == State.QUEUED


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
def test_retry_counts_attempts_anew(owner: User, state: State) -> None:
    job = services.retry(make_job(owner, state, attempts=4, error="gone", error_code="not_found"))

    assert (job.state, job.attempts, job.error, job.error_code) == (State.QUEUED, 0, "", "")


@pytest.mark.parametrize(
    ("verb", "states"),
    [
        (services.cancel, [State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED]),
        (services.pause, [State.PAUSED, State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED]),
        (services.resume, [State.QUEUED, State.RUNNING, State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED]),
        (services.retry, [State.QUEUED, State.RUNNING, State.PAUSED, State.COMPLETED]),
        (services.delete_files, [state for state in State if state is not State.COMPLETED]),
    ],
)
def test_a_verb_that_the_state_does_not_allow_conflicts_and_changes_nothing(
    owner: User, verb: Callable[[Job], Job], states: list[State]
) -> None:
    for state in states:
        job = make_job(owner, state)
        with pytest.raises(StateConflict, match=state.value):
            verb(job)
        job.refresh_from_db()
        assert job.state == state
        assert not job.events.exists()


@pytest.mark.parametrize(("verb", "wish"), [(services.cancel, Wish.CANCEL), (services.pause, Wish.PAUSE)])
def test_a_job_that_a_worker_claims_meanwhile_is_asked_instead(
    owner: User, verb: Callable[[Job], Job], wish: Wish
) -> None:
    job = make_job(owner)
    seen_as_queued = Job.objects.get(pk=job.pk)
    lifecycle.claim(job, Lease(owner="worker:1", host="worker", seconds=15))

    verb(seen_as_queued)

    job.refresh_from_db()
    assert (job.state, job.wish) == (State.RUNNING, wish)


def test_a_pause_of_a_job_that_is_being_cancelled_conflicts(owner: User) -> None:
    job = services.cancel(make_job(owner, State.RUNNING))

    with pytest.raises(StateConflict):
        services.pause(job)


def test_a_retried_job_goes_to_the_end_of_the_queue(owner: User) -> None:
    job = make_job(owner, State.FAILED, queued_at=timezone.now() - timedelta(days=1))

    assert services.retry(job).queued_at > timezone.now() - timedelta(minutes=1)


def test_a_host_name_that_cannot_exist_is_refused(owner: User) -> None:
    with pytest.raises(LinkRefused):
        services.submit(owner, submission(f"http://{'a' * 254}/"))
