"""Questions whose worker died, and answers that are too old."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import storage, tasks
from jobs.extraction import reuse, upkeep
from jobs.models import Batch, Extraction
from jobs.states import BatchKind, ExtractionState, State
from tests.factories import make_batch, make_extraction
from tests.jobs.extraction.pages import fresh

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_question_outlives_its_worker_once(owner: User, wakes: list[str]) -> None:
    past = timezone.now() - timedelta(seconds=1)
    row = make_extraction(owner, state=ExtractionState.RUNNING, attempts=1, lease_expires_at=past)

    assert upkeep.recover() == []
    row.refresh_from_db()
    assert (row.state, row.lease_expires_at, wakes) == (ExtractionState.QUEUED, None, ["wake"])

    Extraction.objects.update(state=ExtractionState.RUNNING, attempts=2, lease_expires_at=past)
    assert upkeep.recover() == [row]
    row.refresh_from_db()
    assert (row.state, row.error_code) == (ExtractionState.FAILED, "internal")


def test_a_batchs_question_outlives_as_many_workers_as_a_download(owner: User, settings: Settings) -> None:
    past = timezone.now() - timedelta(seconds=1)
    batch = make_batch(owner)
    row = make_extraction(
        owner, batch=batch, state=ExtractionState.RUNNING, attempts=settings.MAX_ATTEMPTS - 1, lease_expires_at=past
    )

    assert upkeep.recover() == []

    Extraction.objects.update(state=ExtractionState.RUNNING, attempts=settings.MAX_ATTEMPTS, lease_expires_at=past)
    assert upkeep.recover() == [row]


def test_what_died_with_its_worker_leaves_no_directory(owner: User) -> None:
    past = timezone.now() - timedelta(seconds=1)
    row = make_extraction(owner, state=ExtractionState.RUNNING, attempts=2, lease_expires_at=past)
    storage.make_work_directory(row.public_id)

    upkeep.recover()

    assert row.public_id not in storage.work_directories()


def test_a_living_worker_keeps_its_question(owner: User) -> None:
    soon = timezone.now() + timedelta(seconds=10)
    row = make_extraction(owner, state=ExtractionState.RUNNING, attempts=1, lease_expires_at=soon)

    tasks.recover()

    row.refresh_from_db()
    assert row.state == ExtractionState.RUNNING


def test_old_answers_are_forgotten_and_what_holds_secrets_sooner(owner: User) -> None:
    now = timezone.now()
    info = reuse.sealed({"id": "a"})
    new = make_extraction(owner, **fresh(known_info=info))
    stale = make_extraction(owner, **fresh(known_info=info, expires_at=now - timedelta(seconds=1)))
    old = make_extraction(owner, **fresh(expires_at=now - timedelta(hours=2)))
    assert upkeep.has_old()

    assert upkeep.clear_old() == 1

    assert not Extraction.objects.filter(pk=old.pk).exists()
    assert set(Extraction.objects.filter(known_info__isnull=False)) == {new}
    assert Extraction.objects.filter(pk=stale.pk).exists()
    assert not upkeep.has_old()


def test_the_results_of_a_metadata_batch_stay_for_a_day(owner: User) -> None:
    now = timezone.now()
    for hours in (2, 25):
        batch = make_batch(
            owner, kind=BatchKind.METADATA, state=State.COMPLETED, completed_at=now - timedelta(hours=hours)
        )
        make_extraction(owner, batch=batch, **fresh(expires_at=now - timedelta(hours=hours)))
    download = make_batch(owner, state=State.COMPLETED, completed_at=now - timedelta(days=9))

    upkeep.clear_old()

    assert Batch.objects.filter(kind=BatchKind.METADATA).count() == Extraction.objects.count() == 1
    assert Batch.objects.filter(pk=download.pk).exists()
