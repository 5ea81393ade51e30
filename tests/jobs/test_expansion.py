"""From a list that was read to the jobs of its batch."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import archive, batch_services, expansion
from jobs.models import Batch, Extraction
from jobs.states import BatchKind, ExtractionState, State
from tests.factories import make_batch, make_user

pytestmark = pytest.mark.django_db
ABOUT = {
    "title": "Films", "uploader": "Somebody", "uploader_id": None, "description": None, "extractor": "a:list",
    "extractor_key": "AList", "webpage_url": "http://a.example/list", "channel_id": None,
    "channel_follower_count": None, "thumbnail": None,
}  # fmt: skip


def entry(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": f"v{number}",
        "title": f"Film {number}",
        "url": f"http://a.example/{number}",
        "duration": 10.0 * number,
        "view_count": None,
        "uploader": None,
        "upload_date": None,
        "thumbnail": None,
        "playlist_index": number,
        "extractor_key": "A",
        "page_entry": None,
        **values,
    }


def read_batch(owner: User, *entries: dict[str, Any], **fields: Any) -> Batch:
    """A playlist's batch whose list has these entries."""
    selection = {"read": "", **fields.pop("selection", {})}
    kind = fields.pop("kind", BatchKind.PLAYLIST)
    batch = make_batch(owner, kind=kind, url="http://a.example/list", is_expanded=False, selection=selection, **fields)
    look = batch_services.read_list(batch)
    answered(look, answer={**ABOUT, "total": len(entries), "entries": list(entries)})
    return batch


def answered(look: Extraction, **fields: Any) -> None:
    state = fields.pop("state", ExtractionState.COMPLETED)
    expires_at = timezone.now() + timedelta(minutes=5)
    Extraction.objects.filter(pk=look.pk).update(state=state, expires_at=expires_at, **fields)


def numbers(batch: Batch) -> list[int]:
    """The entries that became jobs, by their numbers in the list, in the batch's order."""
    return [job.template_values["playlist_index"] for job in batch.jobs.order_by("position")]


def test_each_entry_becomes_a_job_that_knows_its_list(owner: User) -> None:
    batch = read_batch(owner, entry(1), entry(2, uploader="Else", upload_date="20260102"), priority=8)

    expansion.expand(batch)

    first, second = batch.jobs.order_by("position")
    assert (first.url, first.host, first.position, first.priority) == ("http://a.example/1", "a.example", 1, 8)
    assert (first.title, first.archive_key, first.page_entry) == ("Film 1", "a v1", None)
    assert first.template_values == {
        "playlist": "Films", "playlist_index": 1, "uploader": "Somebody", "batch_id": batch.public_id,
    }  # fmt: skip
    assert (second.template_values["uploader"], second.template_values["upload_date"]) == ("Else", "20260102")
    assert (batch.title, batch.is_expanded, batch.state) == ("Films", True, State.RUNNING)


def test_a_video_without_a_link_of_its_own_is_found_on_the_page(owner: User) -> None:
    batch = read_batch(owner, entry(3, url="http://a.example/list", page_entry=3))

    expansion.expand(batch)

    job = batch.jobs.get()
    assert (job.url, job.page_entry) == ("http://a.example/list", 3)


def test_a_file_that_a_feed_names_gets_the_feeds_title(owner: User) -> None:
    batch = read_batch(owner, entry(1, extractor_key="Generic"), entry(2))

    expansion.expand(batch)

    assert [job.template_values.get("title") for job in batch.jobs.order_by("position")] == ["Film 1", None]


def test_nothing_happens_while_the_list_is_being_read(owner: User) -> None:
    batch = make_batch(owner, kind=BatchKind.PLAYLIST, url="http://a.example/list", is_expanded=False)
    batch_services.read_list(batch)

    expansion.expand(batch)

    assert (batch.jobs.count(), batch.is_expanded, batch.state) == (0, False, State.QUEUED)


def test_a_list_that_cannot_be_read_fails_the_batch_with_its_reason(owner: User) -> None:
    batch = make_batch(owner, kind=BatchKind.PLAYLIST, url="http://a.example/list", is_expanded=False)
    look = batch_services.read_list(batch)
    answered(look, state=ExtractionState.FAILED, error="The site wants a login.", error_code="login_required")

    expansion.expand(batch)

    assert (batch.state, batch.error) == (State.FAILED, "The site wants a login.")
    assert batch.completed_at is not None


@pytest.mark.parametrize(("total", "told"), [(3, "The list has 3 entries"), (None, "The list is shorter")])
def test_numbers_that_the_list_does_not_have_fail_the_batch_with_its_length(
    owner: User, total: int | None, told: str
) -> None:
    batch = read_batch(owner, selection={"read": "10-20"})
    answered(batch.extractions.get(), answer={**ABOUT, "total": total, "entries": []})

    expansion.expand(batch)

    assert batch.state == State.FAILED
    assert batch.error == f"{told}: none of them is within 10-20. Choose others with items, or start and end."


@pytest.mark.parametrize(("kind", "read"), [(BatchKind.PLAYLIST, ""), (BatchKind.CHANNEL, "1:5")])
def test_an_empty_list_is_no_mistake(owner: User, kind: BatchKind, read: str) -> None:
    batch = read_batch(owner, kind=kind, selection={"read": read})

    expansion.expand(batch)

    assert (batch.state, batch.error, batch.jobs.count()) == (State.COMPLETED, "", 0)


def test_an_entry_with_a_refused_link_is_a_failed_job_and_the_rest_goes_on(owner: User) -> None:
    batch = read_batch(owner, entry(1), entry(2, url="http://youtube.com/watch?v=1"), entry(3))

    expansion.expand(batch)

    assert list(batch.jobs.order_by("position").values_list("state", flat=True)) == ["queued", "failed", "queued"]
    refused = batch.jobs.get(position=2)
    assert (refused.error_code, "YouTube" in refused.error) == ("unsupported_url", True)
    assert batch.state == State.RUNNING


def test_a_list_of_refused_links_is_a_failed_batch(owner: User) -> None:
    batch = read_batch(owner, *[entry(n, url=f"http://youtu.be/{n}") for n in (1, 2)])

    expansion.expand(batch)

    assert (batch.state, batch.jobs.count()) == (State.FAILED, 2)


def test_an_error_stops_what_is_still_being_added(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "AT_ONCE", 2)
    entries = [entry(1, url="http://youtu.be/1"), *[entry(number) for number in range(2, 6)]]
    batch = read_batch(owner, *entries, stop_on_error=True)

    expansion.expand(batch)

    states = list(batch.jobs.order_by("position").values_list("state", flat=True))
    assert states == ["failed", "cancelled", "cancelled", "cancelled", "cancelled"]
    assert batch.state == State.FAILED
    assert batch.error.startswith("Stopped because ")


def test_an_empty_list_is_a_finished_batch(owner: User) -> None:
    batch = read_batch(owner)

    expansion.expand(batch)

    assert (batch.state, batch.jobs.count(), batch.error) == (State.COMPLETED, 0, "")


def test_what_was_downloaded_before_is_left_out_and_counted(owner: User) -> None:
    archive.add_lines(owner, "a v1\na v3\n", field="file")
    batch = read_batch(owner, *[entry(n) for n in range(1, 5)], selection={"skip_downloaded": True})

    expansion.expand(batch)

    assert (numbers(batch), batch.skipped) == ([2, 4], 2)


def test_what_was_downloaded_before_comes_again_if_wanted(owner: User) -> None:
    archive.add_lines(owner, "a v1\n", field="file")
    batch = read_batch(owner, entry(1), selection={"skip_downloaded": False})

    expansion.expand(batch)

    assert (numbers(batch), batch.skipped) == ([1], 0)


def test_filters_order_and_number_are_applied(owner: User) -> None:
    selection = {"filters": {"min_duration": 15}, "sort_by": "duration", "max_downloads": 2}
    batch = read_batch(owner, *[entry(n) for n in range(1, 6)], selection=selection, kind=BatchKind.CHANNEL)

    expansion.expand(batch)

    assert numbers(batch) == [5, 4]


def test_a_reversed_playlist_keeps_the_numbers_of_the_list(owner: User) -> None:
    batch = read_batch(owner, *[entry(n) for n in range(1, 4)], selection={"reverse_playlist": True})

    expansion.expand(batch)

    assert numbers(batch) == [3, 2, 1]


def test_expanding_twice_makes_no_job_twice(owner: User) -> None:
    batch = read_batch(owner, entry(1), entry(2))

    expansion.expand(batch)
    expansion.expand(batch)

    assert numbers(batch) == [1, 2]


def test_a_worker_that_died_halfway_loses_and_repeats_none(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "AT_ONCE", 2)
    batch = read_batch(owner, *[entry(n) for n in range(1, 6)], selection={"skip_downloaded": True})
    make_some, calls = expansion._make_some, []

    def die_at_the_second(*arguments: Any) -> int:
        calls.append(arguments)
        if len(calls) == 2:
            raise SystemExit
        return make_some(*arguments)

    monkeypatch.setattr(expansion, "_make_some", die_at_the_second)
    with pytest.raises(SystemExit):
        expansion.expand(batch)
    assert numbers(batch) == [1, 2]
    archive.add_lines(owner, "a v1\na v2\n", field="file")  # what began meanwhile has finished

    assert batch in expansion.unexpanded()
    expansion.expand_all()

    assert numbers(batch) == [1, 2, 3, 4, 5]
    assert batch not in expansion.unexpanded()


def test_a_list_that_was_forgotten_before_it_was_used_is_read_again(owner: User) -> None:
    batch = read_batch(owner, entry(1))
    Extraction.objects.all().delete()
    assert batch in expansion.unexpanded()

    expansion.expand_all()

    assert Extraction.objects.get(batch=batch).state == ExtractionState.QUEUED
    assert batch not in expansion.unexpanded()


def test_one_list_that_breaks_does_not_keep_others_waiting(owner: User) -> None:
    broken = read_batch(owner, {"no": "entry"})
    whole = read_batch(owner, entry(1))

    expansion.expand_all()

    broken.refresh_from_db()
    whole.refresh_from_db()
    assert (broken.state, whole.is_expanded) == (State.FAILED, True)


def test_a_list_that_the_queue_cannot_take_fails_with_advice(owner: User, settings: Settings) -> None:
    settings.QUEUE_LIMIT = 2
    batch = read_batch(owner, *[entry(n) for n in range(1, 5)])

    expansion.expand(batch)

    assert (batch.state, batch.jobs.count()) == (State.FAILED, 0)
    assert "choose fewer" in batch.error


def test_a_cancelled_batch_grows_no_more(owner: User) -> None:
    batch = read_batch(owner, entry(1))
    batch_services.cancel_batch(batch, wait=False)

    expansion.expand(batch)

    assert (batch.state, batch.jobs.count()) == (State.CANCELLED, 0)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "AT_ONCE", 3)
    owner = make_user()
    batch = read_batch(owner, *[entry(n) for n in range(1, 20)])
    start = Barrier(3)

    def expand() -> None:
        start.wait()
        try:
            expansion.expand(Batch.objects.get(pk=batch.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(expand) for _ in range(3)]:
            done.result()

    batch.refresh_from_db()
    assert numbers(batch) == list(range(1, 20))
    assert batch.is_expanded
