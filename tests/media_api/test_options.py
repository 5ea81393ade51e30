"""Every option of a download over HTTP: what is stored, and what is refused."""

import re
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from jobs.engine import failures, templates
from jobs.engine.contract import FailureCode, Options
from jobs.models import Job
from media_api.examples import downloads as examples
from media_api.serializers.downloads import DownloadRequest
from tests.media_api.test_downloads import submit, wrong_fields

WRONG: dict[str, list[Any]] = {
    "url": ["", None, 5, {}, "media.example/a.mp4", "file:///etc/passwd", "http://a/\x00"],
    "priority": [-1, 10, "high", None, 1.5, []],
    "quality": ["8k", "", None, 720, ["720p"]],
    "custom_format": ["best[", "b#", 5, "x" * 501, []],
    "video_format": ["exe", "MP4", "", None, 5],
    "audio_only": ["perhaps", None, 2, []],
    "audio_format": ["ogg", "", None, 5],
    "audio_quality": ["64", "high", None, ""],
    "download_subtitles": ["perhaps", None, {}],
    "subtitle_languages": ["en", [], None, {}, ["en"] * 21],
    "subtitle_format": ["sub", None, ""],
    "embed_subtitles": ["perhaps", None],
    "auto_subtitles": ["perhaps", None],
    "write_thumbnail": ["perhaps", None],
    "embed_thumbnail": ["perhaps", None],
    "embed_metadata": ["perhaps", None],
    "write_info_json": ["perhaps", None],
    "clip_start": [-1, "1:60", "a", True, [], 400_000, "9" * 400, 10**400],
    "clip_end": [-1, "1:60", "a", False, {}, 400_000, 0],
    "sponsorblock_remove": ["sponsor", None, ["sponsor"] * 10],
    "sponsorblock_mark": ["sponsor", None, ["sponsor"] * 12],
    "split_chapters": ["perhaps", None],
    "live_from_start": ["perhaps", None],
    "max_live_duration_sec": [0, -5, 6481, "long", 1.5, True, []],
    "rate_limit_bps": [0, 1023, 10**10 + 1, "fast", []],
    "path_template": [
        *("", None, 5, "../{id}.{ext}", "/{id}.{ext}", "{nonsense}", "{id}/", "a//b", "x" * 301, "a\\b"),
        *("{title:03d}", "{playlist_index:9999d}", "{title!r}", "{title.__class__}", "{", "a\u202eb"),
    ],
    "cookies_id": [5, {}],
    "timeout_sec": [59, 7201, "long", 60.5, []],
    "webhook_url": [5, "hooks.example", "ftp://hooks.example/"],
}


def test_every_field_has_wrong_values_here() -> None:
    assert set(WRONG) == set(DownloadRequest().fields)


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_a_wrong_value_is_refused_with_the_name_of_its_field(api: APIClient, field: str, value: Any) -> None:
    assert wrong_fields(submit(api, **{field: value})) == [field]
    assert not Job.objects.exists()


@pytest.mark.parametrize(("field", "value"), [("sponsorblock_remove", "chapter"), ("sponsorblock_mark", "adverts")])
def test_a_wrong_category_is_named_by_its_place(api: APIClient, field: str, value: str) -> None:
    assert wrong_fields(submit(api, **{field: ["sponsor", value]})) == [f"{field}.1"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"clip_start": "0:10", "clip_end": 5}, "clip_end"),
        ({"clip_start": 5, "live_from_start": True}, "clip_start"),
        ({"embed_subtitles": True, "video_format": "avi"}, "embed_subtitles"),
        ({"sponsorblock_remove": ["sponsor"], "sponsorblock_mark": ["sponsor"]}, "sponsorblock_mark"),
        ({"max_live_duration_sec": 100, "timeout_sec": 100}, "max_live_duration_sec"),
    ],
)
def test_options_that_contradict_each_other_are_refused(api: APIClient, options: dict[str, Any], field: str) -> None:
    assert wrong_fields(submit(api, **options)) == [field]


def test_a_recording_is_bounded_by_the_installation(api: APIClient, settings: Settings) -> None:
    settings.MAX_LIVE_DURATION_SECONDS = 60

    assert submit(api, max_live_duration_sec=60).status_code == 202
    assert wrong_fields(submit(api, max_live_duration_sec=61)) == ["max_live_duration_sec"]


def stored(response: Any) -> Options:
    assert response.status_code == 202, response.json()
    return Job.objects.get(public_id=response.json()["request_id"]).download_options()


def test_what_is_ours_besides_reaches_the_job(api: APIClient) -> None:
    options = stored(
        submit(
            api,
            clip_start="1:30",
            clip_end="00:02:00.5",
            sponsorblock_remove=["sponsor", "intro"],
            sponsorblock_mark=["chapter"],
            split_chapters=True,
            rate_limit_bps=1024,
        )
    )

    assert (options.clip_start, options.clip_end) == (90.0, 120.5)
    assert (options.sponsorblock_remove, options.sponsorblock_mark) == (("sponsor", "intro"), ("chapter",))
    assert options.split_chapters
    assert options.rate_limit_bps == 1024


def test_options_for_live_streams_reach_the_job(api: APIClient) -> None:
    options = stored(submit(api, live_from_start=True, max_live_duration_sec=600))

    assert options.live_from_start
    assert options.max_live_duration_sec == 600


def test_a_form_leaves_times_empty(api: APIClient) -> None:
    form = {"url": "http://media.example/video.mp4", "clip_start": "", "clip_end": "0:20", "rate_limit_bps": ""}

    options = stored(api.post("/api/v1/download", form))

    assert (options.clip_start, options.clip_end, options.rate_limit_bps) == (None, 20.0, None)


DOCUMENTED = (Path(__file__).resolve().parents[2] / "docs" / "downloads.md").read_text()


@pytest.mark.parametrize("name", sorted(set(DownloadRequest().fields) - {"url"}))
def test_every_option_is_documented(name: str) -> None:
    assert re.search(rf"^\| (`\w+`, )?`{name}`", DOCUMENTED, re.MULTILINE)


@pytest.mark.parametrize("code", FailureCode)
def test_every_failure_is_documented_with_whether_it_is_tried_again(code: FailureCode) -> None:
    is_retryable = failures.failure(code).is_retryable

    assert re.search(rf"^\| `{code}` \|.*\| {'yes' if is_retryable else 'no'} \|$", DOCUMENTED, re.MULTILINE)


@pytest.mark.parametrize("field", templates.FIELDS)
def test_every_field_of_path_templates_is_documented(field: str) -> None:
    assert f"| `{{{field}}}` |" in DOCUMENTED


@pytest.mark.parametrize("example", examples.DOWNLOAD_REQUESTS, ids=lambda example: example.name)
def test_every_example_of_a_request_is_accepted(api: APIClient, example: Any) -> None:
    assert api.post("/api/v1/download", example.value, format="json").status_code == 202
