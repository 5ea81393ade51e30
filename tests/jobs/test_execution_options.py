"""Options from the job's row through the engine to published files."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from jobs import execution, storage
from jobs.engine.contract import Options
from jobs.models import Job
from jobs.states import State
from tests.factories import make_job, make_user
from tests.jobs.engine.looking import look_at
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def owner(transactional_db: None) -> User:
    return make_user()


def ran(owner: User, url: str, **options: Any) -> Job:
    job = make_job(owner, url=url, options=Options(**options).to_json())
    assert execution.run_next()
    job.refresh_from_db()
    assert job.state == State.COMPLETED, job.error
    return job


def test_chapters_are_published_beside_the_whole(owner: User, origin: Origin, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True

    job = ran(owner, origin.url("chapters.html"), split_chapters=True, path_template="parted/{title}.{ext}")

    assert [(file.role, file.name) for file in job.files.all()] == [
        ("media", "A long film.mp4"),
        ("chapter", "A long film.01_Beginning.mp4"),
        ("chapter", "A long film.02_The_middle__a_b.mp4"),
        ("chapter", "A long film.03_End.mp4"),
    ]


def test_a_section_is_published_with_its_own_length(owner: User, origin: Origin, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True

    job = ran(owner, origin.url("long.mp4"), clip_start=5.0, clip_end=9.5)

    file = job.files.get()
    assert file.duration_seconds == pytest.approx(4.5, abs=1.1)
    assert look_at(Path(settings.FILES_DIR) / file.path).duration == pytest.approx(4.5, abs=1.1)


@pytest.mark.slow
def test_a_live_stream_ends_well_at_the_installations_limit(owner: User, origin: Origin, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    settings.MAX_LIVE_DURATION_SECONDS = 2

    job = ran(owner, origin.url("live/stream.m3u8"))

    assert 1 < (job.files.get().duration_seconds or 0) < 10


def test_the_engine_is_told_what_the_operator_chose(owner: User, settings: Settings) -> None:
    settings.SPONSORBLOCK_API_URL = "https://sponsors.example"
    settings.MAX_LIVE_DURATION_SECONDS = 300
    job = make_job(owner, options=Options(max_live_duration_sec=60, timeout_sec=100).to_json())

    request = execution.build_request(job)

    assert request.sponsorblock_api == "https://sponsors.example"
    assert request.limits.live_seconds == 60
    storage.discard(storage.set_aside(job.public_id))
