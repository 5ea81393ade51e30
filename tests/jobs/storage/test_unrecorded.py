"""A worker dies between publishing and recording, and the results lie on an S3 server."""

import pytest
from pytest_django import Settings

from accounts.models import User
from downloader_project import storage_url
from jobs import execution, storage, unrecorded
from jobs.models import Job
from jobs.states import State
from tests.factories import make_job, make_user
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("on_s3")]


class Killed(BaseException):
    """As SIGKILL: whatever the code would do about an error, it does not come to that."""


@pytest.fixture
def owner(transactional_db: None, settings: Settings) -> User:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    return make_user()


def test_the_next_attempt_deletes_what_the_dead_one_stored(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(owner, url=origin.url("/video.mp4"))
    with monkeypatch.context() as patch:
        patch.setattr(execution, "record", killed)
        patch.setattr(unrecorded, "withdraw", lambda *_: None)
        with pytest.raises(Killed):
            execution.run_next()
    (lost,) = [stored.name for stored in storage.results()]
    Job.objects.filter(pk=job.pk).update(state=State.QUEUED, lease_owner="", lease_expires_at=None)

    assert execution.run_next()

    job.refresh_from_db()
    assert (job.state, unrecorded.notes()) == (State.COMPLETED, [])
    stored = {stored.name for stored in storage.results()}
    assert stored == {job.files.get().path}
    assert lost not in stored


def test_a_store_that_is_away_keeps_no_job_from_its_next_attempt(owner: User, settings: Settings) -> None:
    job = make_job(owner, State.RUNNING)
    storage.make_work_directory(job.public_id)
    unrecorded.note(job.public_id, "host:1:abc", {"video.mp4": "lost/video.mp4"})
    nowhere = storage_url.parse("s3://media?endpoint=http://127.0.0.1:9&addressing=path")
    backend = nowhere.backend(access_key="a", secret_key="b")
    settings.STORAGES = {**settings.STORAGES, "default": backend}

    unrecorded.take_back(job.public_id)

    assert unrecorded.notes() == []


def killed(*_: object) -> bool:
    raise Killed
