"""Looks at pages by a real child, against a local origin; and what becomes of what sites tell."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.engine import reading, supervisor
from jobs.engine.contract import EgressPolicy, FailureCode, Outcome, Purpose
from tests.jobs.engine.attempts import Recorder, make_request, processes_in
from tests.jobs.engine.conftest import ForbiddenPort
from tests.origin import media
from tests.origin.server import Origin

pytestmark = pytest.mark.slow


def look(origin: Origin, path: str, work_dir: Path, purpose: Purpose, **changes: Any) -> Outcome:
    work_dir.mkdir(exist_ok=True)
    request = make_request(origin.url(path), work_dir, allow=[origin.host], purpose=purpose, **changes)
    return supervisor.run(request, Recorder())


def found(outcome: Outcome) -> dict[str, Any]:
    assert outcome.result is not None, outcome.failure
    assert outcome.result.found is not None
    assert outcome.result.files == ()
    return outcome.result.found


# --- one video ---


def test_a_stream_tells_its_formats_and_subtitles_and_nothing_of_it_is_fetched(origin: Origin, tmp_path: Path) -> None:
    told = found(look(origin, "hls/master.m3u8", tmp_path, Purpose.VIDEO))

    heights = sorted(one["height"] for one in told["formats"] if one["vcodec"] != "none")
    assert heights == [180, 360, 720]
    assert told["chosen_format"].startswith(told["formats"][-1]["format_id"])
    assert "+" in told["chosen_format"]
    assert told["subtitles"] == {language: ["vtt"] for language in media.SUBTITLES}
    assert not told["is_playlist"]
    assert not [request for request in origin.requests if request.path.endswith(".ts")]
    assert processes_in(tmp_path) == {}


def test_a_page_tells_its_video(origin: Origin, tmp_path: Path) -> None:
    told = found(look(origin, "page.html", tmp_path, Purpose.VIDEO))

    assert told["metadata"]["title"] == "A test film"
    assert told["metadata"]["thumbnail"] == origin.url("thumbnail.jpg")
    assert told["metadata"]["webpage_url"] == origin.url("page.html")
    assert [one["ext"] for one in told["formats"]] == ["mp4"]
    assert [request.path for request in origin.requests] == ["/page.html"]


def test_users_see_neither_headers_nor_cookies_nor_addresses_of_media(origin: Origin, tmp_path: Path) -> None:
    told = json.dumps(found(look(origin, "page.html", tmp_path, Purpose.VIDEO)))

    assert "video.mp4" not in told
    assert not [word for word in ("cookie", "http_headers", "user-agent") if word in told.lower()]


@pytest.mark.parametrize(("path", "count"), [("playlist.html", 3), ("feed.xml", 3)])
def test_a_list_is_told_with_its_first_entry(origin: Origin, tmp_path: Path, path: str, count: int) -> None:
    outcome = look(origin, path, tmp_path, Purpose.VIDEO)

    told = found(outcome)
    assert (told["is_playlist"], told["playlist_count"], told["formats"]) == (True, count, [])
    assert told["first_entry"]["playlist_index"] == 1
    assert outcome.result is not None
    assert outcome.result.known_info is None
    assert [request.path for request in origin.requests] == [f"/{path}"]


@pytest.mark.parametrize("purpose", [Purpose.VIDEO, Purpose.ENTRIES])
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("echo", FailureCode.UNSUPPORTED_URL),
        ("status/404", FailureCode.NOT_FOUND),
        ("status/429", FailureCode.RATE_LIMITED),
        ("cookie/page.html", FailureCode.LOGIN_REQUIRED),
    ],
)
def test_a_look_fails_as_a_download_does(
    origin: Origin, tmp_path: Path, path: str, code: FailureCode, purpose: Purpose
) -> None:
    outcome = look(origin, path, tmp_path, purpose)

    assert outcome.failure is not None
    assert outcome.failure.code == code


def test_a_look_goes_nowhere_that_a_download_may_not(origin: Origin, tmp_path: Path, forbidden: ForbiddenPort) -> None:
    outcome = look(origin, f"redirect?to=http://{forbidden.host}/", tmp_path, Purpose.VIDEO)

    assert outcome.failure is not None
    assert outcome.failure.code == FailureCode.BLOCKED_ADDRESS
    assert not forbidden.was_connected_to()


def test_a_look_follows_no_link_to_a_host_that_is_ruled_out(origin: Origin, tmp_path: Path) -> None:
    to = f"http://localhost:{origin.port}/video.mp4"
    here = EgressPolicy(allow_private=True)

    outcome = look(origin, f"redirect?to={to}", tmp_path, Purpose.VIDEO, refused_hosts=("localhost",), egress=here)

    assert outcome.failure is not None
    assert outcome.failure.code == FailureCode.UNSUPPORTED_URL
    assert "localhost" in outcome.failure.message


def test_a_site_that_never_ends_its_answer_is_left_at_the_deadline(origin: Origin, tmp_path: Path) -> None:
    outcome = look(origin, "stall/page.html", tmp_path, Purpose.VIDEO, total_seconds=1.0)

    assert outcome.failure is not None
    assert outcome.failure.code == FailureCode.TIMEOUT


# --- lists ---


def test_of_ten_thousand_entries_only_those_asked_for_are_read(origin: Origin, tmp_path: Path) -> None:
    told = found(look(origin, "feeds/10000.xml", tmp_path, Purpose.ENTRIES, items="9991:9995"))

    assert told["total"] == 10_000
    assert [entry["playlist_index"] for entry in told["entries"]] == [9991, 9992, 9993, 9994, 9995]
    assert len({entry["url"] for entry in told["entries"]}) == 5
    assert [request.path for request in origin.requests] == ["/feeds/10000.xml"]


def test_the_whole_list_comes_when_nothing_else_is_asked_for(origin: Origin, tmp_path: Path) -> None:
    told = found(look(origin, "feed.xml", tmp_path, Purpose.ENTRIES))

    assert (told["title"], told["total"]) == ("A test feed", 3)
    assert [(entry["title"], entry["url"], entry["page_entry"]) for entry in told["entries"]] == [
        ("First", origin.url("video.mp4"), None),
        ("Second", origin.url("video.webm"), None),
        ("Third", origin.url("long.mp4"), None),
    ]
    assert {entry["extractor_key"] for entry in told["entries"]} == {"Generic"}


def test_a_page_beyond_the_end_is_empty(origin: Origin, tmp_path: Path) -> None:
    told = found(look(origin, "feed.xml", tmp_path, Purpose.ENTRIES, items="21:40"))

    assert (told["total"], told["entries"]) == (3, [])


def test_videos_without_links_of_their_own_are_found_by_their_number(origin: Origin, tmp_path: Path) -> None:
    told = found(look(origin, "playlist.html", tmp_path, Purpose.ENTRIES, items="2:3"))

    page = origin.url("playlist.html")
    assert [(entry["url"], entry["page_entry"]) for entry in told["entries"]] == [(page, 2), (page, 3)]
    assert told["total"] == 3


def test_a_single_video_is_a_list_of_one(origin: Origin, tmp_path: Path) -> None:
    told = found(look(origin, "page.html", tmp_path, Purpose.ENTRIES, items="1:20"))

    [entry] = told["entries"]
    assert (told["total"], entry["title"], entry["page_entry"]) == (1, "A test film", None)
    assert entry["url"] == origin.url("page.html")


@pytest.mark.parametrize(("number", "size"), [(None, "video.mp4"), (1, "video.mp4"), (3, "long.mp4")])
@pytest.mark.slow
def test_a_download_takes_the_video_of_that_number_and_no_other(
    origin: Origin, tmp_path: Path, number: int | None, size: str
) -> None:
    request = make_request(
        origin.url("playlist.html"), tmp_path, allow=[origin.host], page_entry=number, embed_metadata=False
    )

    outcome = supervisor.run(request, Recorder())

    assert outcome.result is not None, outcome.failure
    assert outcome.result.files[0].size_bytes == (media.directory() / size).stat().st_size
    assert {request.path for request in origin.requests} == {"/playlist.html", f"/{size}"}
    assert outcome.result.template_values["playlist_index"] == (number or 1)


@pytest.mark.parametrize(("path", "number"), [("playlist.html", 4), ("video.mp4", 2)])
def test_a_video_that_is_no_more_on_the_page_is_not_found(
    origin: Origin, tmp_path: Path, path: str, number: int
) -> None:
    outcome = supervisor.run(
        make_request(origin.url(path), tmp_path, allow=[origin.host], page_entry=number), Recorder()
    )

    assert outcome.failure is not None
    assert outcome.failure.code == FailureCode.NOT_FOUND


# --- a download that follows ---


@pytest.mark.slow
@pytest.mark.parametrize("path", ["page.html", "video.mp4", "hls/master.m3u8", "dash/manifest.mpd"])
def test_a_download_goes_on_from_what_a_look_has_found(origin: Origin, tmp_path: Path, path: str) -> None:
    looked = look(origin, path, tmp_path / "look", Purpose.VIDEO)
    assert looked.result is not None
    pages = [f"/{path}"] if path != "video.mp4" else []
    seen = len(origin.requests)

    outcome = look(origin, path, tmp_path / "get", Purpose.DOWNLOAD, known_info=looked.result.known_info)

    assert outcome.result is not None, outcome.failure
    assert outcome.result.files[0].mime_type == "video/mp4"
    assert looked.result.found is not None
    assert outcome.result.metadata["title"] == looked.result.found["metadata"]["title"]
    assert outcome.result.metadata["format_id"] == looked.result.found["chosen_format"]
    assert not [request.path for request in origin.requests[seen:] if request.path in pages]


@pytest.mark.slow
def test_what_is_known_and_out_of_date_is_found_anew(origin: Origin, tmp_path: Path) -> None:
    looked = look(origin, "page.html", tmp_path / "look", Purpose.VIDEO)
    assert looked.result is not None
    known = json.loads(json.dumps(looked.result.known_info).replace("video.mp4", "status/404"))

    outcome = look(origin, "page.html", tmp_path / "get", Purpose.DOWNLOAD, known_info=known)

    assert outcome.result is not None, outcome.failure
    assert len(origin.received("/page.html")) == 2


@pytest.mark.slow
def test_what_is_known_brings_the_cookies_along_that_the_page_set(origin: Origin, tmp_path: Path) -> None:
    page = f'<html><title>For guests</title><video src="{origin.url("cookie/video.mp4")}"></video></html>'
    origin.pages["/guests.html"] = ("text/html", page.encode())
    looked = look(origin, "greet/guests.html", tmp_path / "look", Purpose.VIDEO)
    assert looked.result is not None, looked.failure
    assert "session" not in json.dumps(looked.result.found)

    outcome = look(origin, "greet/guests.html", tmp_path / "get", Purpose.DOWNLOAD, known_info=looked.result.known_info)

    assert outcome.result is not None, outcome.failure
    assert len(origin.received("/greet/guests.html")) == 1
    assert origin.received("/cookie/video.mp4")[0].headers["cookie"] == "session=open"


def test_what_json_cannot_hold_or_is_huge_is_not_known() -> None:
    assert reading.reusable({"id": "a", "__private": object()}) == {"id": "a"}
    assert reading.reusable({"id": "a", "formats": [{"fragments": iter(())}]}) is None
    assert reading.reusable({"id": "a", "duration": float("nan")}) is None
    assert reading.reusable({"id": "a", "description": "x" * reading.MAX_KNOWN_BYTES}) is None


# --- what sites tell ---


@pytest.mark.parametrize(
    ("value", "told"),
    [(3, 3), (2.5, 2.5), (0, 0), (-1, None), ("3", None), (True, None), (None, None), (float("inf"), None)],
)
def test_only_numbers_are_numbers(value: Any, told: Any) -> None:
    assert reading.number(value) == told


def test_absurd_numbers_are_none() -> None:
    assert reading.number(10**400) is None
    assert reading.number(float("nan")) is None


@pytest.mark.parametrize(
    ("entry", "date"),
    [
        ({"upload_date": "20230102"}, "20230102"),
        ({"upload_date": "2023-01-02", "timestamp": 1672653600}, "20230102"),
        ({"timestamp": 1672653600.5}, "20230102"),
        ({"timestamp": 1e15}, None),
        ({"timestamp": "yesterday"}, None),
        ({}, None),
    ],
)
def test_dates_have_one_form(entry: dict[str, Any], date: str | None) -> None:
    assert reading.upload_date(entry) == date


def test_fields_are_of_their_type_whatever_the_site_put_there() -> None:
    told = reading.metadata(
        {
            "title": {"not": "text"},
            "view_count": "many",
            "duration": float("nan"),
            "tags": ["a", None, 3, "b\0"],
            "categories": "film",
            "thumbnail": "javascript:alert(1)",
        }
    )

    assert told["title"] == "{'not': 'text'}"
    assert (told["view_count"], told["duration"], told["categories"], told["thumbnail"]) == (None, None, None, None)
    assert told["tags"] == ["a", "3", "b"]


def test_what_is_shown_is_bounded() -> None:
    formats = [{"format_id": str(number), "ext": "mp4", "url": "http://a/"} for number in range(1000)]
    languages = {f"l{number}": [{"ext": "vtt"}] for number in range(2000)}

    told = reading.video({"description": "x" * 10**6, "subtitles": languages, "chapters": [{}] * 999}, formats)

    assert len(told["formats"]) == reading.MAX_FORMATS
    assert told["formats"][-1]["format_id"] == "999"
    assert len(told["subtitles"]) == reading.MAX_LANGUAGES
    assert len(told["chapters"]) == reading.MAX_CHAPTERS
    assert len(told["metadata"]["description"]) == 20_000


@pytest.mark.parametrize(
    ("entry", "own"),
    [
        ({"_type": "url", "url": "http://a/1"}, "http://a/1"),
        ({"_type": "url_transparent", "url": 'http://a/1#__youtubedl_smuggle=%7B"force_videoid":"x"%7D'}, "http://a/1"),
        ({"_type": "url", "url": 'http://a/1#__youtubedl_smuggle=%7B"referer":"x"%7D'}, None),
        ({"_type": "url", "url": "http://a/1#__youtubedl_smuggle=broken"}, None),
        ({"_type": "url", "url": "http://a/1#__youtubedl_smuggle=5"}, None),
        ({"_type": "url", "url": "abc123"}, None),
        ({"_type": "url", "url": "file:///etc/passwd"}, None),
        ({"_type": "url", "url": f"http://a/{'x' * 5000}"}, None),
        ({"url": "http://a/media.mp4"}, None),
        ({"url": "http://a/media.mp4", "webpage_url": "http://a/page"}, None),
        ({"url": "http://a/media.mp4", "webpage_url": "http://a/2"}, "http://a/2"),
    ],
)
def test_only_what_leads_to_the_entry_alone_is_its_link(entry: dict[str, Any], own: str | None) -> None:
    link, hidden = reading._parted(entry["url"])

    assert reading._own_link(entry, {"_type": "playlist", "webpage_url": "http://a/page"}, link, hidden) == own


@pytest.mark.parametrize(
    ("info", "title"),
    [
        ({"title": "A film (1)", "extractor": "html5"}, "A film"),
        ({"title": "A film (2)", "extractor": "html5"}, "A film (2)"),
        ({"title": "A film (1)", "extractor": "generic"}, "A film (1)"),
        ({"title": None, "extractor": "html5"}, None),
    ],
)
def test_the_number_of_an_only_video_is_cut(info: dict[str, Any], title: str | None) -> None:
    assert reading.without_number(info)["title"] == title
