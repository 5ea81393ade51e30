from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs import circuit
from jobs.engine.contract import Options
from jobs.models import Job, JobLog, MediaFile
from jobs.states import State
from tests.factories import make_file, make_job, make_user

URL = "http://media.example/video.mp4"
DOWNLOADS = "/api/v1/download"
JOB_FIELDS = {
    "request_id", "url", "status", "progress", "file_info", "files", "metadata", "error", "error_code", "created_at",
    "started_at", "completed_at", "expires_at", "duration_sec", "logs_url", "webhook_sent", "waits_until",
    "waits_because",
}  # fmt: skip
FILE_FIELDS = {"filename", "file_url", "file_path", "size_bytes", "format", "mime_type"}


def submit(api: APIClient, path: str = DOWNLOADS, **body: Any) -> Any:
    return api.post(path, {"url": URL, **body}, format="json")


def wrong_fields(response: Any) -> list[str]:
    assert response.status_code == 422, response.json()
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"
    return [entry["field"] for entry in response.json()["error"]["details"]]


def test_a_submission_is_queued_with_the_documented_defaults(api: APIClient, owner: User) -> None:
    response = submit(api)

    assert response.status_code == 202
    job = Job.objects.get(public_id=response.json()["request_id"])
    assert (job.owner, job.url, job.state, job.priority) == (owner, URL, State.QUEUED, 5)
    assert job.download_options() == Options()
    assert job.api_key is not None
    assert response["Location"] == f"http://testserver{DOWNLOADS}/{job.public_id}"


@pytest.mark.parametrize("path", [DOWNLOADS, f"{DOWNLOADS}/"])
def test_a_post_is_answered_with_and_without_a_slash(api: APIClient, path: str) -> None:
    assert submit(api, path).status_code == 202


def test_every_option_reaches_the_job(api: APIClient) -> None:
    options = {
        "quality": "720p",
        "custom_format": "best[height<=720]",
        "video_format": "mkv",
        "audio_only": True,
        "audio_format": "opus",
        "audio_quality": "320",
        "download_subtitles": True,
        "subtitle_languages": ["de", "zh-Hans"],
        "subtitle_format": "vtt",
        "embed_subtitles": True,
        "auto_subtitles": True,
        "write_thumbnail": True,
        "embed_thumbnail": True,
        "embed_metadata": False,
        "write_info_json": True,
        "path_template": "mine/{id}.{ext}",
        "timeout_sec": 60,
        "clip_start": 1.5,
        "clip_end": 20.0,
        "sponsorblock_remove": ["sponsor"],
        "sponsorblock_mark": ["intro"],
        "split_chapters": True,
        "rate_limit_bps": 100_000,
    }

    response = submit(api, **options, priority=9)

    job = Job.objects.get(public_id=response.json()["request_id"])
    for_live = {"live_from_start": False, "max_live_duration_sec": None}  # these go with no section
    assert job.download_options().to_json() == options | for_live
    assert job.priority == 9


def test_audio_only_is_another_word_for_the_quality_audio(api: APIClient) -> None:
    response = submit(api, quality="audio_only")

    assert Job.objects.get(public_id=response.json()["request_id"]).options["quality"] == "audio"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quality", "8k"),
        ("quality", None),
        ("custom_format", "best["),
        ("video_format", "exe"),
        ("audio_quality", "64"),
        ("audio_only", "perhaps"),
        ("subtitle_languages", ["en"] * 21),
        ("subtitle_languages", []),
        ("subtitle_languages", "en"),
        ("path_template", "{nonsense}.{ext}"),
        ("path_template", "../{id}.{ext}"),
        ("timeout_sec", 59),
        ("timeout_sec", 7201),
        ("priority", 10),
        ("priority", -1),
        ("cookies_id", "cookie_1"),
        ("webhook_url", "ftp://hooks.example/"),
        ("webhook_url", "https://user:secret@hooks.example/"),
        ("webhook_url", "http://127.0.0.1/"),
        ("webhook_url", "https://hooks.example/" + "x" * 4096),
        ("url", "ftp://media.example/video.mp4"),
        ("url", "http://"),
        ("url", "http://user:secret@media.example/"),
        ("url", "http://media.example/" + "x" * 4096),
        ("url", ""),
        ("url", None),
        ("url", {"a": 1}),
        ("url", "http://media.example/\x00"),
    ],
)
def test_a_wrong_value_is_refused_and_named(api: APIClient, field: str, value: Any) -> None:
    assert wrong_fields(submit(api, **{field: value})) == [field]
    assert not Job.objects.exists()


def test_a_wrong_list_entry_is_named_by_its_place(api: APIClient) -> None:
    assert wrong_fields(submit(api, subtitle_languages=["en", "not a language"])) == ["subtitle_languages.1"]


def test_unknown_fields_are_refused_together_with_wrong_ones(api: APIClient) -> None:
    response = submit(api, qualty="best", timeout_sec=1)

    assert set(wrong_fields(response)) == {"qualty", "timeout_sec"}
    assert "quality" in response.json()["error"]["message"] + str(response.json()["error"]["details"])


@pytest.mark.parametrize(
    "field", ["url", "custom_format", "path_template", "cookies_id", "webhook_url", "subtitle_languages"]
)
def test_a_number_is_no_text(api: APIClient, field: str) -> None:
    value = [22] if field == "subtitle_languages" else 22

    response = submit(api, **{field: value})

    assert wrong_fields(response) == ["subtitle_languages.0" if field == "subtitle_languages" else field]
    assert "string" in response.json()["error"]["message"]


def test_a_forms_token_is_a_known_field_of_forms_only(api: APIClient) -> None:
    as_json = submit(api, csrfmiddlewaretoken="x")
    as_query = api.get(DOWNLOADS, {"csrfmiddlewaretoken": "x"})
    as_form = api.post(DOWNLOADS, {"url": URL, "csrfmiddlewaretoken": "x"})

    assert wrong_fields(as_json) == wrong_fields(as_query) == ["csrfmiddlewaretoken"]
    assert as_form.status_code == 202


def test_a_body_that_is_not_an_object_is_refused(api: APIClient) -> None:
    assert wrong_fields(api.post(DOWNLOADS, [1], format="json")) == ["body"]


def test_a_link_that_this_installation_forbids_is_refused(api: APIClient, settings: Settings) -> None:
    settings.ALLOWED_DOMAINS = ["other.example"]

    response = submit(api)

    assert wrong_fields(response) == ["url"]
    assert "other.example" in response.json()["error"]["message"]


def test_a_full_queue_says_when_to_come_back(api: APIClient, settings: Settings) -> None:
    settings.QUEUE_LIMIT = 1
    make_job()

    response = submit(api)

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "QUEUE_FULL"
    assert int(response["Retry-After"]) > 0


def test_a_form_can_submit_too(api: APIClient) -> None:
    response = api.post(DOWNLOADS, {"url": URL, "custom_format": "", "timeout_sec": "", "csrfmiddlewaretoken": "x"})

    assert response.status_code == 202
    job = Job.objects.get(public_id=response.json()["request_id"])
    assert (job.options["custom_format"], job.options["timeout_sec"]) == (None, None)


def test_a_queued_job_has_every_field_of_the_contract(api: APIClient) -> None:
    job = submit(api).json()

    assert job.keys() >= JOB_FIELDS
    assert job["request_id"].startswith("req_")
    assert len(job["request_id"]) >= 16
    assert job["progress"] == {
        "percent": 0.0,
        "downloaded_bytes": None,
        "total_bytes": None,
        "speed": None,
        "eta": None,
        "status": "queued",
    }
    assert (job["file_info"], job["files"], job["error"], job["error_code"]) == (None, [], None, None)
    assert job["webhook_sent"] is False
    assert job["created_at"].endswith("Z")
    assert parse_datetime(job["created_at"]) == Job.objects.get().created_at


def test_a_running_job_tells_what_it_is_busy_with(api: APIClient, owner: User) -> None:
    job = make_job(owner, State.RUNNING, phase="merging", percent=41.234, downloaded_bytes=10, speed_bps=5.5)

    progress = api.get(f"{DOWNLOADS}/{job.public_id}").json()["progress"]

    assert (progress["status"], progress["percent"], progress["speed"]) == ("merging", 41.23, 5.5)


def test_a_completed_job_shows_its_files_with_the_media_first(api: APIClient, owner: User) -> None:
    job = make_job(owner, State.COMPLETED, metadata={"title": "A"}, expires_at=timezone.now() + timedelta(hours=1))
    make_file(job, role="subtitle", path="videos/a.en.srt", language="en")
    media = make_file(job, path="videos/a.mp4")
    make_file(job, role="info", path="videos/a.info.json", deleted_at=timezone.now())

    shown = api.get(f"{DOWNLOADS}/{job.public_id}/").json()

    assert shown["status"] == "completed"
    assert shown["progress"]["percent"] == 100.0
    assert [file["filename"] for file in shown["files"]] == ["a.en.srt", "a.mp4"]
    assert shown["file_info"].keys() >= FILE_FIELDS
    assert shown["file_info"]["file_path"] == "videos/a.mp4"
    assert shown["file_info"]["sha256"] == media.sha256
    assert shown["file_info"]["file_url"].startswith("http://testserver/files/")
    assert shown["metadata"] == {"title": "A"}


def test_links_start_with_the_public_address(api: APIClient, owner: User, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://media.example.org"
    job = make_file(make_job(owner, State.COMPLETED)).job

    shown = api.get(f"{DOWNLOADS}/{job.public_id}").json()

    assert shown["file_info"]["file_url"].startswith("https://media.example.org/files/")
    assert shown["logs_url"] == f"https://media.example.org{DOWNLOADS}/{job.public_id}/logs"


def test_a_failed_job_says_why(api: APIClient, owner: User) -> None:
    job = make_job(owner, State.FAILED, error="The site wants a login.", error_code="login_required")

    shown = api.get(f"{DOWNLOADS}/{job.public_id}").json()

    assert (shown["error"], shown["error_code"]) == ("The site wants a login.", "login_required")


@pytest.mark.parametrize(
    ("method", "action"),
    [("get", ""), ("delete", ""), ("get", "/logs"), ("post", "/pause"), ("post", "/resume"), ("post", "/retry")],
)
def test_other_peoples_jobs_look_like_unknown_ones(api: APIClient, method: str, action: str) -> None:
    theirs = make_job(make_user())

    answers = [
        getattr(api, method)(f"{DOWNLOADS}/{public_id}{action}") for public_id in (theirs.public_id, "req_unknown")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert {answer.json()["error"]["code"] for answer in answers} == {"JOB_NOT_FOUND"}
    theirs.refresh_from_db()
    assert theirs.state == State.QUEUED


def test_cancelling_ends_a_queued_job(api: APIClient, owner: User) -> None:
    job = make_job(owner)

    response = api.delete(f"{DOWNLOADS}/{job.public_id}")

    assert response.status_code == 200
    answer = response.json()
    assert answer.pop("timestamp").endswith("Z")
    assert answer.pop("message")
    assert answer == {"request_id": job.public_id, "status": "cancelled", "cancelled_jobs": 1}
    job.refresh_from_db()
    assert job.state == State.CANCELLED


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED])
def test_what_is_over_cannot_be_cancelled(api: APIClient, owner: User, state: State) -> None:
    job = make_job(owner, state)

    response = api.delete(f"{DOWNLOADS}/{job.public_id}")

    assert response.status_code == 409
    assert response.json()["error"]["code"] == "CONFLICT"


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("pause", State.QUEUED, "paused"),
        ("pause/", State.QUEUED, "paused"),
        ("resume", State.PAUSED, "queued"),
        ("retry", State.FAILED, "queued"),
        ("retry", State.CANCELLED, "queued"),
        ("retry", State.EXPIRED, "queued"),
    ],
)
def test_verbs_move_the_job(api: APIClient, owner: User, action: str, before: State, after: str) -> None:
    job = make_job(owner, before)

    response = api.post(f"{DOWNLOADS}/{job.public_id}/{action}")

    assert (response.status_code, response.json()["status"]) == (200, after)


@pytest.mark.parametrize(
    ("action", "state"), [("pause", State.COMPLETED), ("resume", State.QUEUED), ("retry", State.COMPLETED)]
)
def test_verbs_that_the_state_forbids_conflict(api: APIClient, owner: User, action: str, state: State) -> None:
    job = make_job(owner, state)

    assert api.post(f"{DOWNLOADS}/{job.public_id}/{action}").status_code == 409
    job.refresh_from_db()
    assert job.state == state


def test_the_log_tells_when_lines_were_dropped(api: APIClient, owner: User) -> None:
    job = make_job(owner)
    JobLog.objects.create(job=job, lines=["b", "c"], total_lines=3)

    log = api.get(f"{DOWNLOADS}/{job.public_id}/logs").json()

    assert log.pop("log_level")
    assert log == {"request_id": job.public_id, "logs": ["b", "c"], "total_lines": 3, "truncated": True}


def test_the_log_of_a_job_that_never_ran_is_empty(api: APIClient, owner: User) -> None:
    log = api.get(f"{DOWNLOADS}/{make_job(owner).public_id}/logs").json()

    assert (log["logs"], log["total_lines"], log["truncated"]) == ([], 0, False)


def test_the_list_holds_only_ones_own_jobs_newest_first(api: APIClient, owner: User) -> None:
    now = timezone.now()
    old = make_job(owner, created_at=now - timedelta(hours=1))
    new = make_job(owner, created_at=now)
    make_job(make_user())

    assert ids(api.get(DOWNLOADS)) == [new.public_id, old.public_id]


def test_pages_of_jobs_of_one_moment_lose_and_repeat_none(api: APIClient, owner: User) -> None:
    now = timezone.now()
    made = {make_job(owner, created_at=now).public_id for _ in range(7)}
    seen: list[str] = []
    address: str | None = f"{DOWNLOADS}?limit=3"

    while address:
        page = api.get(address)
        seen += ids(page)
        address = page.json()["next"]

    assert len(seen) == 7
    assert set(seen) == made


def test_the_way_back_leads_to_the_page_before(api: APIClient, owner: User) -> None:
    now = timezone.now()
    for hours in range(4):
        make_job(owner, created_at=now - timedelta(hours=hours))
    first = api.get(f"{DOWNLOADS}?limit=2")

    second = api.get(first.json()["next"])

    assert first.json()["previous"] is None
    assert ids(api.get(second.json()["previous"])) == ids(first)


@pytest.mark.parametrize(
    "query",
    [
        "status=failed",
        "host=OTHER.example",
        "q=sunset",
        "q=other.EXAMPLE/watch",
        "created_after=2026-06-01T00:00:00Z",
        "created_before=2026-06-01T00:00:00%2B02:00&status=failed",
    ],
)
def test_filters_narrow_the_list(api: APIClient, owner: User, query: str) -> None:
    moment = "2026-05-01T00:00:00Z" if "before" in query else "2026-07-01T00:00:00Z"
    wanted = make_job(
        owner,
        State.FAILED,
        url="http://other.example/watch",
        host="other.example",
        title="A Sunset",
        created_at=parse_datetime(moment),
    )
    make_job(owner, created_at=parse_datetime("2026-05-15T00:00:00Z"))

    assert ids(api.get(f"{DOWNLOADS}?{query}")) == [wanted.public_id]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("created_after=yesterday", "created_after"),
        ("created_after=0001-01-01T00:00:00%2B23:00", "created_after"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("page=2", "page"),
        ("cursor=nonsense", "cursor"),
        ("cursor=older-99999999999999999-x", "cursor"),
        ("status=", "status"),
        ("limit=2&limit=3", "limit"),
        ("q=a%00b", "q"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(api: APIClient, query: str, field: str) -> None:
    assert wrong_fields(api.get(f"{DOWNLOADS}?{query}")) == [field]


def test_a_long_list_costs_no_query_for_each_job(
    api: APIClient, owner: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(15):
        make_file(make_job(owner, State.COMPLETED))

    with django_assert_max_num_queries(5):
        page = api.get(DOWNLOADS)

    assert len(page.json()["results"]) == 15
    assert MediaFile.objects.count() == 15


def test_an_anonymous_call_needs_a_key(anonymous: APIClient, db: None) -> None:
    response = submit(anonymous)

    assert response.status_code == 401
    assert not Job.objects.exists()


def test_without_required_keys_strangers_share_their_jobs(anonymous: APIClient, db: None, settings: Settings) -> None:
    settings.REQUIRE_API_KEY = False

    public_id = submit(anonymous).json()["request_id"]

    assert anonymous.get(f"{DOWNLOADS}/{public_id}").status_code == 200
    assert Job.objects.get(public_id=public_id).owner.username == "anonymous"


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.json()
    return [job["request_id"] for job in response.json()["results"]]


def test_the_word_null_in_a_form_is_null(api: APIClient) -> None:
    form = {"url": "http://media.example/v", "rate_limit_bps": "null", "webhook_url": "null", "cookies_id": "null"}

    response = api.post("/api/v1/download", urlencode(form), content_type="application/x-www-form-urlencoded")

    assert response.status_code == 202, response.json()
    assert (Job.objects.get().options["rate_limit_bps"], Job.objects.get().webhook_url) == (None, "")


def test_a_queued_job_tells_until_when_it_waits_for_its_site_and_why(
    api: APIClient, owner: User, settings: Settings, django_assert_max_num_queries: Any
) -> None:
    settings.SITE_HOLD_AFTER = 1
    circuit.note_refusal("media.example")
    jobs = [make_job(owner), make_job(owner), make_job(owner, State.COMPLETED)]

    with django_assert_max_num_queries(10):
        shown = {job["request_id"]: job for job in api.get("/api/v1/downloads").json()["results"]}

    for job in jobs[:2]:
        assert shown[job.public_id]["waits_because"].startswith("media.example answered 429")
        assert shown[job.public_id]["waits_until"] > "2026"
    assert shown[jobs[2].public_id]["waits_until"] is None
