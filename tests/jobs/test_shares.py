from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from jobs import services, shares
from jobs.errors import NotFound, StateConflict
from jobs.models import MediaFile, ShareLink
from jobs.states import State
from tests.factories import make_file, make_job, make_user

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def file(owner: User) -> MediaFile:
    return make_file(make_job(owner, State.COMPLETED))


def test_a_link_is_found_by_its_token_which_is_not_stored(file: MediaFile) -> None:
    issued = shares.issue(file, HOUR)

    assert shares.shared(issued.token) == issued.link
    assert issued.token not in str(ShareLink.objects.values_list())
    assert issued.token not in repr(issued)


@pytest.mark.parametrize("token", ["", "nonsense", "\ud800"])
def test_unknown_tokens_lead_nowhere(file: MediaFile, token: str) -> None:
    shares.issue(file, HOUR)

    with pytest.raises(NotFound):
        shares.shared(token)


def test_a_link_is_over_after_its_time(file: MediaFile) -> None:
    issued = shares.issue(file, -HOUR)

    with pytest.raises(NotFound):
        shares.shared(issued.token)


def test_a_link_ends_with_its_file(file: MediaFile) -> None:
    issued = shares.issue(file, HOUR)
    MediaFile.objects.update(deleted_at=timezone.now())

    with pytest.raises(NotFound):
        shares.shared(issued.token)


def test_a_link_ends_when_its_file_is_being_deleted_and_comes_back_with_it(file: MediaFile) -> None:
    issued = shares.issue(file, HOUR)
    services.delete_soon(file.job)

    with pytest.raises(NotFound):
        shares.shared(issued.token)
    services.restore(file.job)
    assert shares.shared(issued.token) == issued.link


def test_only_its_owner_revokes_a_link(owner: User, file: MediaFile) -> None:
    issued = shares.issue(file, HOUR)

    with pytest.raises(NotFound):
        shares.revoke(make_user(), issued.link.public_id)
    assert shares.shared(issued.token) == issued.link
    shares.revoke(owner, issued.link.public_id)

    with pytest.raises(NotFound):
        shares.shared(issued.token)


def test_a_file_has_a_bounded_number_of_links(file: MediaFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "MOST_OF_ONE_FILE", 1)
    shares.issue(file, HOUR)

    with pytest.raises(StateConflict):
        shares.issue(file, HOUR)


def test_what_is_deleted_is_not_shared(file: MediaFile) -> None:
    file.deleted_at = timezone.now()

    with pytest.raises(StateConflict):
        shares.issue(file, HOUR)
