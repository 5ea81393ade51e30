from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from accounts.models import AuditEntry, User
from jobs import services, storage
from jobs.engine.contract import FailureCode
from jobs.models import Batch, Job, JobEvent, JobLog
from jobs.states import State
from tests.commands import document, told
from tests.factories import make_batch, make_file, make_job

pytestmark = pytest.mark.django_db


def states(*jobs: Job) -> list[str]:
    return [Job.objects.get(pk=job.pk).state for job in jobs]


def test_the_list_has_the_newest_first_and_only_what_was_asked_for(owner: User) -> None:
    old = make_job(owner, State.FAILED, created_at=timezone.now() - timedelta(days=2))
    new = make_job(owner, State.FAILED)
    make_job(owner, State.QUEUED)
    make_job(owner, State.FAILED, host="elsewhere.example")

    chosen = ("--state", "failed", "--host", "media.example")
    assert [row["id"] for row in document("jobs", "list", *chosen)] == [new.public_id, old.public_id]
    assert [row["id"] for row in document("jobs", "list", *chosen, "--older-than", "36h")] == [old.public_id]
    assert [row["id"] for row in document("jobs", "list", *chosen, "--limit", "1")] == [new.public_id]
    assert new.public_id in told("jobs", "list")


def test_one_job_is_shown_with_all_that_happened(owner: User) -> None:
    job = make_job(owner, State.COMPLETED, title="A film")
    JobEvent.objects.create(job=job, target=State.QUEUED, reason="submitted by hand")
    JobLog.objects.create(job=job, lines=["12:00:00 INFO it began"], total_lines=1)
    file = make_file(job)

    shown, text = document("jobs", "show", job.public_id), told("jobs", "show", job.public_id)

    assert shown["title"] == "A film"
    assert shown["files"][0]["path"] == file.path
    assert [part for part in ("submitted by hand", "it began", file.path, "A film") if part not in text] == []


def test_cancel_touches_what_it_can_says_why_not_the_rest_and_leaves_a_record(owner: User) -> None:
    waiting, over = make_job(owner), make_job(owner, State.COMPLETED)

    done = document("jobs", "cancel", waiting.public_id, over.public_id)

    assert states(waiting, over) == [State.CANCELLED, State.COMPLETED]
    assert (done["done"], done["left"]) == (1, 1)
    assert over.public_id in done["reasons"][0]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subjects, entry.done, entry.left) == ("cancel", [waiting.public_id], 1, 1)


def test_retry_takes_conditions(owner: User) -> None:
    limited = make_job(owner, State.FAILED, error_code=FailureCode.RATE_LIMITED)
    other = make_job(owner, State.FAILED, error_code=FailureCode.DRM)

    assert document("jobs", "retry", "--error-code", "rate_limited")["done"] == 1

    assert states(limited, other) == [State.QUEUED, State.FAILED]
    assert "rate_limited" in AuditEntry.objects.get().details


@pytest.mark.parametrize(
    ("words", "told_of"),
    [
        (("cancel",), "Say which jobs"),
        (("purge", "--yes"), "Say which jobs"),
        (("cancel", "--state", "frozen"), "There is no state 'frozen'"),
        (("retry", "--error-code", "bad_luck"), "There is no error_code 'bad_luck'"),
        (("show", "req_none"), "There is no job 'req_none'"),
    ],
)
def test_what_makes_no_sense_changes_nothing(owner: User, words: tuple[str, ...], told_of: str) -> None:
    job = make_job(owner)

    with pytest.raises(CommandError, match=told_of):
        told("jobs", *words)

    assert states(job) == [State.QUEUED]


def test_an_unknown_id_among_others_changes_nothing(owner: User) -> None:
    job = make_job(owner)

    with pytest.raises(CommandError, match="req_none"):
        told("jobs", "cancel", job.public_id, "req_none")

    assert states(job) == [State.QUEUED]


def test_purge_counts_first_and_then_forgets_what_is_over_with_empty_batches(owner: User) -> None:
    batch = make_batch(owner, state=State.COMPLETED)
    done = make_job(owner, State.COMPLETED, batch=batch, position=1)
    file = make_file(done)
    failed, live = make_job(owner, State.FAILED), make_job(owner)

    assert document("jobs", "purge", "--owner", owner.username) == {"verb": "purge", "would_purge": 2}
    assert Job.objects.count() == 3
    purged = document("jobs", "purge", "--owner", owner.username, "--yes")

    assert (purged["jobs"], purged["batches"]) == (2, 1)
    assert list(Job.objects.all()) == [live]
    assert not Batch.objects.exists()
    assert not type(file).objects.exists()
    assert failed.public_id not in told("jobs", "list")
    assert AuditEntry.objects.get().done == 2


def test_purge_deletes_the_bytes(owner: User) -> None:
    job = make_job(owner, State.COMPLETED)
    source = storage.make_work_directory("purged") / "film.mp4"
    source.write_bytes(b"bytes")
    name = storage.publish(source, "videos/purged.mp4")
    make_file(job, path=name)

    told("jobs", "purge", job.public_id, "--yes")

    with pytest.raises(FileNotFoundError):
        storage.open_result(name)


def test_a_running_jobs_worker_is_asked_and_not_awaited(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "STOP_DEADLINE_SECONDS", 0.0)
    running = make_job(owner, State.RUNNING)

    assert document("jobs", "cancel", running.public_id)["done"] == 1

    running.refresh_from_db()
    assert (running.state, running.wish) == (State.RUNNING, "cancel")
