from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from jobs import samples
from jobs.models import QueueSample
from jobs.states import State
from tests.factories import make_file, make_job

pytestmark = pytest.mark.django_db


def test_a_sample_tells_the_queue_and_the_storage(owner: User) -> None:
    make_job(owner, queued_at=timezone.now() - timedelta(minutes=10))
    make_job(owner)
    kept = make_job(owner, State.COMPLETED)
    make_file(kept, size_bytes=70)
    make_file(kept, size_bytes=5, deleted_at=timezone.now())
    make_job(owner, State.RUNNING)

    taken = samples.take()

    assert (taken.queued, taken.running, taken.stored_bytes) == (2, 1, 70)
    assert taken.oldest_queued_seconds == pytest.approx(600, abs=5)
    assert taken.free_bytes > 0


def test_an_empty_queue_is_no_age() -> None:
    assert samples.oldest_queued_seconds() == 0


def test_old_samples_are_forgotten_and_only_a_period_is_read() -> None:
    now = timezone.now()
    for age in (timedelta(days=9), timedelta(hours=30), timedelta(hours=1)):
        sample = samples.take()
        QueueSample.objects.filter(pk=sample.pk).update(at=now - age)

    samples.take()

    assert QueueSample.objects.count() == 3
    assert len(samples.since(timedelta(days=1))) == 2
