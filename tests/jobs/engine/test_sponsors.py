"""SponsorBlock: the real post-processors, in a confined child, with a stand-in of the service.

yt-dlp asks it for YouTube only, so the film is one that a look at a page of YouTube might have found.
"""

import hashlib
import json
from collections.abc import Collection
from typing import Any

import pytest
from yt_dlp.postprocessor import SponsorBlockPP

from jobs.engine import rules
from jobs.engine.contract import FileRole
from tests.jobs.engine.conftest import Download
from tests.jobs.engine.looking import Done, known
from tests.origin.server import Origin

pytestmark = pytest.mark.slow

SEGMENTS = {"sponsor": (5.0, 10.0), "intro": (0.0, 3.0), "outro": (28.0, 30.0)}


def serve_segments(origin: Origin, page: dict[str, Any], wanted: Collection[str] = SEGMENTS) -> str:
    """Where the service's stand-in is asked about the video. Like the service, it tells of no others."""
    segments = [
        {"segment": span, "category": category, "actionType": "skip", "videoDuration": 30.0, "description": ""}
        for category, span in SEGMENTS.items()
        if category in wanted
    ]
    path = f"/api/skipSegments/{hashlib.sha256(page['id'].encode()).hexdigest()[:4]}"
    others = {"videoID": "another", "segments": []}
    body = json.dumps([others, {"videoID": page["id"], "segments": segments}])
    origin.pages[path] = ("application/json", body.encode())
    return path


def get(origin: Origin, download: Download, path: str = "long.mp4", **options: Any) -> Done:
    page = known(origin, path, duration=30)
    serve_segments(origin, page, [*options.get("sponsorblock_remove", ()), *options.get("sponsorblock_mark", ())])
    return download("", known_info=page, sponsorblock_api=origin.url().rstrip("/"), **options)


def test_sponsors_are_cut_out(origin: Origin, download: Download) -> None:
    done = get(origin, download, sponsorblock_remove=("sponsor", "intro"))

    assert done.media.duration == pytest.approx(30 - 5 - 3, abs=1.1)
    assert done.media.streams[:2] == [("video", "h264"), ("audio", "aac")]


def test_sponsors_are_cut_out_of_sound(origin: Origin, download: Download) -> None:
    done = get(origin, download, sponsorblock_remove=("sponsor",), audio_only=True)

    assert done.media.duration == pytest.approx(25, abs=0.5)


def test_sponsors_are_marked_as_chapters(origin: Origin, download: Download) -> None:
    done = get(origin, download, sponsorblock_mark=("sponsor",), sponsorblock_remove=("intro",))

    assert done.media.duration == pytest.approx(27, abs=1.1)
    assert (2, 7) in [(round(start), round(end)) for start, end, title in done.media.chapters if "Sponsor" in title]


def test_the_service_is_asked_for_the_wanted_categories_by_a_part_of_a_digest(
    origin: Origin, download: Download
) -> None:
    get(origin, download, sponsorblock_mark=("sponsor",), sponsorblock_remove=("intro",))

    [asked] = [request for request in origin.requests if request.path.startswith("/api/")]
    assert len(asked.path.rpartition("/")[2]) == 4
    assert "sponsor" in asked.query
    assert "intro" in asked.query
    assert "outro" not in asked.query


def test_segments_move_with_a_section(origin: Origin, download: Download) -> None:
    done = get(origin, download, sponsorblock_remove=("sponsor",), clip_start=4.0, clip_end=14.0)

    assert done.media.duration == pytest.approx(10 - 5, abs=1.6)


def test_chapters_are_split_off_what_is_left(origin: Origin, download: Download) -> None:
    done = get(origin, download, sponsorblock_mark=("sponsor",), sponsorblock_remove=("intro",), split_chapters=True)

    lengths = [round(file.duration_seconds or 0) for file in done.of(FileRole.CHAPTER)]
    assert lengths == pytest.approx([2, 5, 20], abs=1)


@pytest.mark.parametrize("answer", [b"not JSON", b'[{"videoID": "BaW_jenozKc"}]', b'{"a": 1}'])
def test_a_service_that_answers_nonsense_costs_no_download(answer: bytes, origin: Origin, download: Download) -> None:
    page = known(origin, "video.mp4", duration=4)
    origin.pages[serve_segments(origin, page)] = ("application/json", answer)

    done = download("", known_info=page, sponsorblock_api=origin.url().rstrip("/"), sponsorblock_remove=("sponsor",))

    assert done.media.duration == pytest.approx(4, abs=0.2)
    assert done.warned("SponsorBlock gave no answer")


def test_other_sites_are_not_looked_up(origin: Origin, download: Download) -> None:
    done = download("video.mp4", sponsorblock_api=origin.url().rstrip("/"), sponsorblock_remove=("sponsor",))

    assert done.media.duration == pytest.approx(4, abs=0.2)
    assert not any(request.path.startswith("/api/") for request in origin.requests)


def test_subtitles_that_are_a_list_of_files_are_not_cut(origin: Origin, download: Download) -> None:
    page = known(origin, "long.mp4", duration=30, subtitles={"en": [{"url": origin.url("list.srt"), "ext": "srt"}]})
    origin.pages["/list.srt"] = ("application/x-subrip", b"ffconcat version 1.0\nfile media.f18.mp4\n")
    serve_segments(origin, page)
    wanted = {"sponsorblock_remove": ("sponsor",), "download_subtitles": True}

    done = download("", known_info=page, sponsorblock_api=origin.url().rstrip("/"), **wanted)

    assert done.failure is not None, done.result
    assert "cannot be read" in done.failure.detail


def test_the_categories_are_those_of_yt_dlp() -> None:
    assert set(rules.CATEGORIES) == set(SponsorBlockPP.CATEGORIES)
    assert set(rules.REMOVABLE_CATEGORIES) == set(SponsorBlockPP.CATEGORIES) - set(
        SponsorBlockPP.NON_SKIPPABLE_CATEGORIES
    )
