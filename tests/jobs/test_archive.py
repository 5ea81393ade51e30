"""What an owner has downloaded already."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from yt_dlp import YoutubeDL

from accounts.models import User
from jobs import archive, execution
from jobs.engine.contract import Result
from jobs.errors import NotFound, ValuesRefused
from tests.factories import make_job, make_user
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db


def listed(*entries: dict[str, Any], extractor_key: str = "YoutubeTab") -> dict[str, Any]:
    empty = {"id": None, "extractor_key": None, "url": "http://media.example/v", "page_entry": None}
    return {"extractor_key": extractor_key, "entries": [empty | entry for entry in entries]}


def result(extractor_key: str, video_id: str) -> Result:
    return Result(extractor_key=extractor_key, metadata={"id": video_id})


def test_a_finished_job_is_remembered_under_both_of_its_names(owner: User) -> None:
    job = make_job(owner, archive_key="vimeo 7")

    archive.remember(job, result("vimeovod", "8"))
    archive.remember(job, result("vimeovod", "8"))

    assert sorted(archive.lines(owner)) == ["vimeo 7\n", "vimeovod 8\n"]


def test_what_has_no_id_is_not_remembered(owner: User) -> None:
    archive.remember(make_job(owner), result("generic", ""))

    assert not list(archive.lines(owner))


def test_everybody_has_an_archive_of_their_own(owner: User) -> None:
    archive.remember(make_job(owner), result("vimeo", "7"))

    assert archive.known(owner, ["vimeo 7", "vimeo 8"]) == {"vimeo 7"}
    assert archive.known(make_user(), ["vimeo 7"]) == set()


def test_entries_go_by_the_names_that_ytdlp_uses() -> None:
    found = listed({"extractor_key": "Youtube", "id": "a1B2c3D4e5F", "url": "https://www.youtube.com/watch?v=x"})

    with YoutubeDL({"quiet": True}) as ytdlp:
        expected = ytdlp._make_archive_id({"id": "a1B2c3D4e5F", "ie_key": "Youtube"})
    assert archive.entry_keys(found) == [expected] == ["youtube a1B2c3D4e5F"]


def test_equal_ends_of_links_are_not_taken_for_one_video() -> None:
    first, second = (
        {"extractor_key": "Generic", "id": "audio", "url": f"http://media.example/{show}/audio.mp3"} for show in "ab"
    )

    keys = archive.entry_keys(listed(first, second, first))

    assert keys[0] != keys[1]
    assert keys[0] == keys[2]
    assert keys[0].startswith("generic link-")


def test_the_videos_of_a_page_are_told_apart_from_those_of_a_page_of_the_same_name() -> None:
    entries = [{"extractor_key": "Html5MediaEmbed", "id": "index-1", "page_entry": number} for number in (1, 2)]
    elsewhere = {**entries[0], "url": "http://other.example/v"}

    keys = archive.entry_keys(listed(*entries, elsewhere, extractor_key="Generic"))

    assert len(set(keys)) == 3


def test_a_guid_names_an_episode() -> None:
    found = listed({"extractor_key": "Generic", "id": "episode-7", "url": "http://media.example/audio.mp3"})

    assert archive.entry_keys(found) == ["generic episode-7"]


@pytest.mark.parametrize("video_id", ["x" * 201, "a\nb", "a\x00b"])
def test_an_id_that_no_archive_holds_gives_way_to_the_link(video_id: str) -> None:
    (key,) = archive.entry_keys(listed({"extractor_key": "Generic", "id": video_id}))

    assert key.startswith("generic link-")


def test_importing_adds_what_is_new(owner: User) -> None:
    archive.add_lines(owner, "youtube one\n", field="file")

    added = archive.add_lines(owner, "\ufeffYouTube one\r\n\r\nvimeo 7\n  generic a file  \nvimeo 7\n", field="file")

    assert added == (2, 1, 0)
    assert set(archive.lines(owner)) == {"youtube one\n", "vimeo 7\n", "generic a file\n"}


def test_a_wrong_line_is_named_and_refuses_all(owner: User) -> None:
    text = f"youtube one\nyoutube\n\nvimeo {'7' * 201}\n"

    with pytest.raises(ValuesRefused) as refused:
        archive.add_lines(owner, text, field="file")

    assert [str(one)[:7] for one in refused.value.refusals] == ["Line 2:", "Line 4:"]
    assert {one.field for one in refused.value.refusals} == {"file"}
    assert not list(archive.lines(owner))


def test_an_entry_can_be_forgotten_by_its_owner_alone(owner: User) -> None:
    archive.add_lines(owner, "youtube one\n", field="file")
    with pytest.raises(NotFound):
        archive.forget(make_user(), "youtube", "one")

    archive.forget(owner, "youtube", "one")

    assert not list(archive.lines(owner))
    with pytest.raises(NotFound):
        archive.forget(owner, "youtube", "one")


def test_ytdlp_reads_what_is_exported_and_we_read_what_it_writes(owner: User, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.txt", tmp_path / "theirs.txt"
    video = {"id": "a1B2c3D4e5F", "extractor_key": "Youtube"}
    archive.remember(make_job(owner), result("youtube", "a1B2c3D4e5F"))
    ours.write_text("".join(archive.lines(owner)))

    with YoutubeDL({"quiet": True, "download_archive": str(ours)}) as ytdlp:
        assert ytdlp.in_download_archive(video)
        assert not ytdlp.in_download_archive({**video, "id": "other"})
    with YoutubeDL({"quiet": True, "download_archive": str(theirs)}) as ytdlp:
        ytdlp.record_download_archive({**video, "id": "other"})

    assert archive.add_lines(owner, theirs.read_text(), field="file") == (1, 0, 0)
    assert archive.known(owner, ["youtube other"])


@pytest.mark.django_db(transaction=True)
def test_a_download_that_succeeds_is_remembered_and_one_that_fails_is_not(origin: Origin, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    owner = make_user()
    make_job(owner, url=origin.url("/video.mp4"), archive_key="somewhere film-1")
    make_job(owner, url=origin.url("/status/404/gone.mp4"), archive_key="somewhere gone")

    while execution.run_next():
        pass

    assert sorted(archive.lines(owner)) == ["generic video\n", "somewhere film-1\n"]
