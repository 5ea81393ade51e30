from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from jobs import library
from jobs.library import GIB, MIB, Wanted
from jobs.models import Job
from jobs.states import State
from tests.factories import make_file, make_job

pytestmark = pytest.mark.django_db


def make_kept(owner: User | None = None, *, size: int = 1000, mime_type: str = "video/mp4", **fields: Any) -> Job:
    job = make_job(owner, State.COMPLETED, **fields)
    make_file(job, size_bytes=size, mime_type=mime_type)
    return job


def titles(owner: User, **wanted: str) -> list[str]:
    return [job.title for job in library.find(owner, Wanted(**wanted))]


def test_only_ones_own_finished_downloads_are_kept(owner: User) -> None:
    mine = make_kept(owner)
    make_kept()
    make_kept(owner, deletion_asked_at=timezone.now())
    for state in (State.RUNNING, State.FAILED, State.EXPIRED):
        make_job(owner, state)

    assert list(library.find(owner, Wanted())) == [mine]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"text": "BOAT"}, ["Boats"]),
        ({"text": "other.example/x"}, ["Trains"]),
        ({"site": "other.example"}, ["Trains"]),
        ({"kind": "audio"}, ["Trains"]),
        ({"kind": "video"}, ["Boats"]),
        ({"age": "day"}, ["Boats"]),
        ({"age": "week"}, ["Boats", "Trains"]),
        ({"size": "small"}, ["Boats"]),
        ({"size": "huge"}, ["Trains"]),
        ({"size": "nonsense", "kind": "nonsense", "age": "nonsense", "order": "nonsense"}, ["Boats", "Trains"]),
    ],
)
def test_filters_leave_what_fits(owner: User, wanted: dict[str, str], found: list[str]) -> None:
    make_kept(owner, title="Boats", size=MIB)
    make_kept(
        owner,
        title="Trains",
        url="http://other.example/x",
        host="other.example",
        mime_type="audio/mpeg",
        size=3 * GIB,
        completed_at=timezone.now() - timedelta(days=2),
    )

    assert titles(owner, **wanted) == found


@pytest.mark.parametrize(
    ("order", "first"),
    [("newest", "c"), ("oldest", "a"), ("name", "a"), ("largest", "b"), ("smallest", "c"), ("expiring", "b")],
)
def test_orders(owner: User, order: str, first: str) -> None:
    now = timezone.now()
    make_kept(owner, title="a", size=200, completed_at=now - timedelta(hours=3))
    make_kept(owner, title="b", size=300, completed_at=now - timedelta(hours=2), expires_at=now)
    make_kept(owner, title="c", size=100, completed_at=now, expires_at=now + timedelta(hours=1))

    assert titles(owner, order=order)[0] == first


def test_the_size_is_that_of_all_files_that_are_there(owner: User) -> None:
    job = make_kept(owner, size=1000)
    make_file(job, size_bytes=500)
    make_file(job, size_bytes=9000, deleted_at=timezone.now())

    assert [found.size_bytes for found in library.kept_by(owner)] == [1500]  # type: ignore[attr-defined]


def test_sites_are_those_of_kept_files(owner: User) -> None:
    for host in ("b.example", "a.example", "b.example"):
        make_kept(owner, host=host)
    make_job(owner, State.EXPIRED, host="gone.example")

    assert library.sites_of(owner) == ["a.example", "b.example"]
