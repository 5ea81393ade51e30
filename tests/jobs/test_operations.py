from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEntry, User
from jobs import lifecycle, operations, services
from jobs.errors import ValueRefused
from jobs.models import Job
from jobs.states import State
from tests.factories import make_file, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(owner: User) -> audit.Actor:
    return audit.in_admin(owner)


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("cancel", State.QUEUED, State.CANCELLED),
        ("pause", State.QUEUED, State.PAUSED),
        ("resume", State.PAUSED, State.QUEUED),
        ("retry", State.EXPIRED, State.QUEUED),
        ("requeue", State.PAUSED, State.QUEUED),
        ("requeue", State.FAILED, State.QUEUED),
        ("delete", State.COMPLETED, State.EXPIRED),
    ],
)
def test_verbs_are_those_of_callers(operator: audit.Actor, verb: str, before: State, after: State) -> None:
    job = make_job(state=before)

    outcome = operations.apply(operator, verb, Job.objects.all())

    job.refresh_from_db()
    assert (job.state, outcome.done, outcome.refusals) == (after, 1, [])
    event = job.events.get()
    assert event.target == after
    assert event.reason.endswith(" by the operator")


def test_a_running_job_that_an_operator_stops_says_so(operator: audit.Actor) -> None:
    job = make_job(state=State.RUNNING)
    operations.apply(operator, "cancel", Job.objects.all())

    lifecycle.give_back(job, only_if={}, reason="its worker stops")

    assert (job.state, job.wish_is_operators) == (State.CANCELLED, False)
    assert job.events.get().reason == "cancelled by the operator"


def test_what_its_caller_does_later_is_the_callers_again(operator: audit.Actor) -> None:
    job = make_job()
    operations.apply(operator, "cancel", Job.objects.all())
    job.refresh_from_db()

    services.retry(job)

    assert [event.reason for event in job.events.all()] == ["cancelled by the operator", "retried by the caller"]


def test_what_is_queued_is_not_queued_again(operator: audit.Actor) -> None:
    job = make_job()

    outcome = operations.apply(operator, "requeue", Job.objects.all())

    assert outcome.refusals == [f"Job {job.public_id} is queued already."]


def test_results_are_kept_longer(operator: audit.Actor) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    job = make_job(state=State.COMPLETED, expires_at=soon)
    make_file(job)

    assert operations.apply(operator, "extend", Job.objects.all()).done == 1

    job.refresh_from_db()
    assert job.expires_at is not None
    assert job.expires_at > soon


def test_priorities_change_for_what_waits(operator: audit.Actor) -> None:
    waiting, over = make_job(), make_job(state=State.FAILED)

    outcome = operations.apply(operator, "reprioritise", Job.objects.all(), priority=9)

    waiting.refresh_from_db()
    assert waiting.priority == 9
    assert outcome.done == 1
    assert over.public_id in outcome.refusals[0]
    assert "to priority 9" in AuditEntry.objects.get().details


@pytest.mark.parametrize("priority", [None, -1, 10])
def test_a_priority_that_is_none_is_refused_first(operator: audit.Actor, priority: int | None) -> None:
    make_job()

    with pytest.raises(ValueRefused, match="from 0 to 9"):
        operations.apply(operator, "reprioritise", Job.objects.all(), priority=priority)

    assert not AuditEntry.objects.exists()


def test_no_more_than_so_many_are_touched_at_once(operator: audit.Actor) -> None:
    for _ in range(3):
        make_job()

    outcome = operations.apply(operator, "cancel", Job.objects.all(), most=2)

    assert (outcome.done, outcome.is_cut) == (2, True)
    assert Job.objects.filter(state=State.QUEUED).count() == 1


def test_the_record_names_who_did_what_to_which_and_what_was_left(operator: audit.Actor) -> None:
    waiting, over = make_job(), make_job(state=State.COMPLETED)

    operations.apply(operator, "cancel", Job.objects.all(), details="all of them")

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.actor_name, entry.source) == (operator.user, operator.name, "admin")
    assert (entry.action, entry.kind, entry.subjects) == ("cancel", "job", [waiting.public_id])
    assert (entry.done, entry.left) == (1, 1)
    assert "all of them" in entry.details
    assert over.public_id in entry.details
