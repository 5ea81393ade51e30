import re

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import cookies
from accounts.models import CookieJar, User
from jobs.models import Job, JobLog
from jobs.states import State
from media_api.compat import ALIASES
from tests.cookie_lines import line
from tests.factories import make_file, make_job

URL = "https://media.example/watch?v=1"


@pytest.mark.parametrize("path", ["/download", "/download/"])
def test_the_older_post_queues_a_download_and_answers_at_once(api: APIClient, path: str) -> None:
    body = {"url": URL, "dest": "RAILWAY", "path": "old/{id}.{ext}", "format": "bv*+ba/best", "unheard": "of"}

    response = api.post(path, body, format="json")

    job = Job.objects.get()
    assert response.status_code == 200
    assert response.json().keys() == {
        *("status", "request_id", "file_url", "bytes", "duration_sec", "logs_url"),
        *("error", "created_at", "completed_at", "deletion_time"),
    }
    assert (response.json()["status"], response.json()["request_id"]) == ("QUEUED", job.public_id)
    assert response.json()["logs_url"] == f"http://testserver/downloads/{job.public_id}/logs"
    assert (job.options["path_template"], job.options["timeout_sec"]) == ("old/{id}.{ext}", 1800)
    assert job.options["custom_format"] is None


def test_a_format_of_ones_own_is_kept(api: APIClient) -> None:
    api.post("/download", {"url": URL, "format": "bestaudio"}, format="json")

    assert Job.objects.get().options["custom_format"] == "bestaudio"


def test_cookies_as_text_are_kept_as_one_jar_and_lent_to_the_download(api: APIClient, owner: User) -> None:
    for _ in range(2):
        assert (
            api.post("/download", {"url": URL, "cookies": line(domain="media.example")}, format="json").status_code
            == 200
        )

    jar = CookieJar.objects.get()
    assert (jar.owner, jar.domains) == (owner, ["media.example"])
    assert {job.cookie_jar for job in Job.objects.all()} == {jar}


def test_cookies_may_be_the_id_of_a_jar(api: APIClient, owner: User) -> None:
    jar = cookies.store(owner, "mine", line()).jar

    api.post("/download", {"url": URL, "cookies": jar.public_id}, format="json")

    assert Job.objects.get().cookie_jar == jar


@pytest.mark.parametrize("empty", [None, "", " "])
def test_no_cookies_are_no_jar(api: APIClient, empty: str | None) -> None:
    api.post("/download", {"url": URL, "cookies": empty}, format="json")

    assert Job.objects.get().cookie_jar is None


def test_too_many_jars_are_told_in_the_older_words(api: APIClient, owner: User, settings: Settings) -> None:
    settings.MAX_COOKIE_JARS = 1
    cookies.store(owner, "mine", line())

    response = api.post("/download", {"url": URL, "cookies": line(value="other")}, format="json")

    assert [entry["field"] for entry in response.json()["error"]["details"]] == ["cookies"]


def test_a_refused_download_leaves_no_jar(api: APIClient) -> None:
    response = api.post("/download", {"url": URL, "cookies": line(), "format": "[["}, format="json")

    assert response.status_code == 422
    assert not CookieJar.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "nonsense"),
        ("format", "[["),
        ("path", "{nothing}"),
        ("timeout_sec", 5),
        ("dest", "MOON"),
        ("cookies", "session=1"),
        ("cookies", "cookie_0123456789ab"),
        ("cookies", 5),
    ],
)
def test_wrong_values_are_named_in_the_older_words(api: APIClient, field: str, value: object) -> None:
    response = api.post("/download", {"url": URL, field: value}, format="json")

    assert response.status_code == 422
    assert [entry["field"] for entry in response.json()["error"]["details"]] == [field]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.QUEUED, "QUEUED"),
        (State.PAUSED, "QUEUED"),
        (State.RUNNING, "RUNNING"),
        (State.FAILED, "ERROR"),
        (State.CANCELLED, "ERROR"),
        (State.EXPIRED, "DONE"),
    ],
)
def test_states_have_their_older_names(api: APIClient, owner: User, state: State, status: str) -> None:
    job = make_job(owner, state)

    assert api.get(f"/downloads/{job.public_id}").json()["status"] == status


def test_a_finished_download_names_its_file(api: APIClient, owner: User) -> None:
    job = make_job(owner, State.COMPLETED)
    make_file(job, size_bytes=4321)

    answer = api.get(f"/downloads/{job.public_id}/").json()

    assert (answer["status"], answer["bytes"], answer["error"]) == ("DONE", 4321, None)
    assert answer["file_url"].startswith("http://testserver/files/")


def test_the_log_has_its_older_shape(api: APIClient, owner: User) -> None:
    job = make_job(owner, State.RUNNING)
    JobLog.objects.create(job=job, lines=["one", "two"], total_lines=2)

    answer = api.get(f"/downloads/{job.public_id}/logs").json()

    assert answer == {"request_id": job.public_id, "logs": ["one", "two"], "status": "RUNNING", "log_count": 2}


@pytest.mark.parametrize("path", ["/downloads/{}", "/downloads/{}/logs", "/api/v1/downloads/{}"])
def test_other_peoples_downloads_are_not_found(api: APIClient, path: str) -> None:
    response = api.get(path.format(make_job().public_id))

    assert (response.status_code, response.json()["error"]["code"]) == (404, "JOB_NOT_FOUND")


def test_only_json_is_read(api: APIClient) -> None:
    assert api.post("/download", {"url": URL}, format="multipart").status_code == 415


def test_a_key_is_needed(anonymous: APIClient, db: None) -> None:
    assert anonymous.post("/download", {"url": URL}, format="json").status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/healthz/", "/api/v1/stats"])
def test_open_calls_answer_at_their_older_paths(anonymous: APIClient, db: None, path: str) -> None:
    assert anonymous.get(path).status_code == 200


def test_the_plural_is_the_singular(api: APIClient, owner: User) -> None:
    job = make_job(owner)

    assert api.get(f"/api/v1/downloads/{job.public_id}").json()["request_id"] == job.public_id
    assert api.get("/api/v1/downloads").json()["results"][0]["request_id"] == job.public_id


def test_errors_at_older_paths_are_in_the_envelope(api: APIClient, db: None) -> None:
    response = api.get("/download")

    assert (response.status_code, response.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")


def test_every_alias_answers_as_its_call_does(api: APIClient) -> None:
    for theirs, ours in ALIASES.items():
        asked = [re.sub("<[^>]+>", "req_000000000000", path) for path in (theirs, f"{theirs}/", ours)]
        answers = [api.get(f"/{path}") for path in asked]

        assert len({answer.status_code for answer in answers}) == 1, theirs
        assert {answer["Content-Type"] for answer in answers} == {answers[-1]["Content-Type"]}, theirs
        assert answers[0].status_code != 404 or "<" in theirs, theirs


def test_an_older_name_of_the_preview_is_known(api: APIClient) -> None:
    answer = api.get("/api/v1/playlist/info")

    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, "url")
