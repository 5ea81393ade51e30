"""What is being fetched survives a clean-up, while the transfer lasts and as long as it may be continued."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs import file_links, readers, retention, room
from jobs.models import Job, MediaFile
from jobs.states import State
from tests.jobs.test_room import completed

CONTENT_BYTES = 3_000_000


@pytest.fixture(autouse=True)
def quota(settings: Settings) -> None:
    settings.STORAGE_QUOTA_BYTES = 1000
    settings.STORAGE_HIGH_WATER = 1
    settings.STORAGE_GRACE_SECONDS = 2


def fetched(file: MediaFile, **headers: str) -> Any:
    return APIClient(raise_request_exception=False).get(file_links.path_of(file), headers=headers)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_transfer_that_outlasts_the_grace_is_spared_and_may_be_continued(owner: User) -> None:
    job = completed(owner, CONTENT_BYTES)
    file = job.files.get()
    transfer = fetched(file)
    blocks = iter(transfer)
    received = len(next(blocks))
    slow_until = time.monotonic() + 3  # longer than the grace
    while time.monotonic() < slow_until:
        assert room.clean_up() == 0
        time.sleep(0.1)
    transfer.close()  # the line breaks

    assert room.clean_up() == 0
    rest = fetched(file, Range=f"bytes={received}-")
    assert (rest.status_code, len(b"".join(rest))) == (206, CONTENT_BYTES - received)
    rest.close()

    deadline = time.monotonic() + 10
    while not room.clean_up():
        assert time.monotonic() < deadline, "nobody reads it any more"
        time.sleep(0.1)
    assert fetched(file).status_code == 404


@pytest.mark.django_db
def test_a_clean_up_that_chose_a_file_before_its_reader_came_lets_go_of_it(owner: User) -> None:
    job = completed(owner, 100)
    chosen = Job.objects.get(pk=job.pk)
    reading = readers.begin(job.files.get())
    assert reading is not None
    readers.end(reading)

    assert not retention.expire(chosen, reason="deleted to make room", spare_readers=True)

    job.refresh_from_db()
    assert (job.state, job.files.get().deleted_at) == (State.COMPLETED, None)


@pytest.mark.django_db
def test_a_reader_that_comes_after_the_clean_up_is_told_that_the_file_is_gone(owner: User) -> None:
    job = completed(owner, 100)
    found = job.files.get()
    assert retention.expire(job, reason="deleted to make room", spare_readers=True)

    assert readers.begin(found) is None


@pytest.mark.django_db
def test_many_ranges_of_one_player_are_one_write(owner: User, django_assert_num_queries: Any) -> None:
    file = completed(owner, 100).files.get()
    first = readers.begin(file)
    file.refresh_from_db()

    with django_assert_num_queries(0):
        second = readers.begin(file)

    assert first is not None
    assert second is not None
    readers.end(first)
    readers.end(second)


@pytest.mark.django_db
def test_without_a_quota_readers_cost_nothing(owner: User, settings: Settings, django_assert_num_queries: Any) -> None:
    settings.STORAGE_QUOTA_BYTES = 0
    file = completed(owner, 100).files.get()

    with django_assert_num_queries(0):
        reading = readers.begin(file)
        assert reading is not None
        readers.end(reading)


@pytest.mark.django_db(transaction=True)
def test_readers_in_many_threads_leave_no_lease_behind(owner: User) -> None:
    files = [completed(owner, 100).files.get() for _ in range(4)]

    def read(file: MediaFile) -> None:
        for _ in range(3):
            reading = readers.begin(file)
            assert reading is not None
            readers.end(reading)
        connection.close()

    threads = [threading.Thread(target=read, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert not readers._desk.open
    soon = timezone.now() + timedelta(seconds=3)
    assert all(one.read_until is not None and one.read_until <= soon for one in MediaFile.objects.all())
