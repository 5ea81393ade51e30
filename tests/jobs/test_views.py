import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.conf import settings
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone

from accounts.models import User
from jobs import lifecycle, services
from jobs.engine import failures
from jobs.engine.contract import FailureCode, Phase
from jobs.models import Job, JobEvent, JobLog
from jobs.states import State, Wish
from jobs.views import queue
from jobs.views.cards import FileCard, attempts_of, duration_text, short_link
from tests.factories import make_file, make_job

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
TEMPLATES = Path(settings.BASE_DIR, "templates")
# ReDoc cannot do without inline styles, so its page has a policy of its own.
STRICT_TEMPLATES = sorted(set(TEMPLATES.rglob("*.html")) - {TEMPLATES / "media_api" / "redoc.html"})


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    """A browser in which the owner is signed in."""
    client.force_login(owner)
    return client


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here that could fulfil a wish."""
    monkeypatch.setattr(services, "STOP_DEADLINE_SECONDS", 0.0)


def page(browser: Client, path: str, **headers: str) -> str:
    response = browser.get(path, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def submit(browser: Client, url: str = "https://media.example/v", **options: Any) -> Any:
    return browser.post(reverse("jobs:submit"), {"url": url, "quality": "best"}, **options)


def act(browser: Client, job: Job, verb: str, **headers: str) -> Any:
    return browser.post(reverse("jobs:act", args=[job.public_id, verb]), headers={**HTMX, **headers})


@pytest.mark.parametrize("path", ["/", "/jobs/rows", "/jobs/req_0", "/jobs/req_0/live", "/jobs/req_0/cancel", "/jobs"])
def test_strangers_are_sent_to_the_sign_in_page(client: Client, path: str) -> None:
    is_post = path in {"/jobs", "/jobs/req_0/cancel"}

    response = client.post(path) if is_post else client.get(path)

    assert response.status_code == 302
    assert response["Location"] == f"{reverse('accounts:login')}?next={'/' if is_post else path}"


def test_a_fragment_of_a_stranger_makes_the_browser_leave_the_page(client: Client) -> None:
    response = client.get(reverse("jobs:rows"), headers={**HTMX, "HX-Current-URL": "http://testserver/?before=req_1"})

    assert response["HX-Redirect"] == f"{reverse('accounts:login')}?next=/%3Fbefore%3Dreq_1"


def test_the_first_visit_leads_to_the_first_file(browser: Client) -> None:
    text = page(browser, "/")

    assert "Your first download" in text
    assert "is kept for 1 hour" in text


def test_submitting_queues_a_job_and_shows_it(browser: Client, owner: User) -> None:
    response = browser.post(
        reverse("jobs:submit"), {"url": " https://media.example/v ", "quality": "720p"}, follow=True
    )

    job = Job.objects.get()
    assert (job.owner, job.url, job.state) == (owner, "https://media.example/v", State.QUEUED)
    assert job.download_options().quality == "720p"
    assert f'id="row-{job.public_id}"' in response.content.decode()


def test_submitting_from_the_page_empties_the_field_and_refreshes_the_list(browser: Client) -> None:
    response = submit(browser, headers=HTMX)

    assert "jobs-changed" in response["HX-Trigger-After-Settle"]
    assert "https://media.example/v" not in response.content.decode()


def test_a_link_without_scheme_is_completed(browser: Client) -> None:
    submit(browser, "media.example/v")

    assert Job.objects.get().url == "https://media.example/v"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_refused_link_stays_in_its_field_with_the_reason(browser: Client, headers: dict[str, str]) -> None:
    response = submit(browser, "https://youtu.be/abc", headers=headers)

    text = response.content.decode()
    assert response.status_code == 422
    assert "Downloads from YouTube are turned off here." in text
    assert "https://youtu.be/abc</textarea>" in text
    assert not Job.objects.exists()


def test_a_full_queue_is_told_beside_the_field(browser: Client, settings: Any) -> None:
    settings.QUEUE_LIMIT = 0

    assert "jobs may wait, and too many do already" in submit(browser).content.decode()
    assert not Job.objects.exists()


@pytest.mark.parametrize("fields", [{"url": "", "quality": "best"}, {"url": "https://media.example", "quality": "9k"}])
def test_a_form_that_is_not_filled_in_is_refused(browser: Client, fields: dict[str, str]) -> None:
    assert browser.post(reverse("jobs:submit"), fields).status_code == 422
    assert not Job.objects.exists()


def test_the_list_shows_only_the_callers_jobs(browser: Client, owner: User) -> None:
    mine, other = make_job(owner), make_job()

    text = page(browser, "/")

    assert mine.public_id in text
    assert other.public_id not in text


def test_a_running_job_shows_how_far_it_is(browser: Client, owner: User) -> None:
    make_job(
        owner,
        State.RUNNING,
        title="Boats & ships",
        phase=Phase.DOWNLOADING,
        percent=43.21,
        downloaded_bytes=2 * 1024**2,
        total_bytes=4 * 1024**2,
        speed_bps=1024.0,
        eta_seconds=65.0,
    )

    text = page(browser, "/").replace("\N{NO-BREAK SPACE}", " ")

    shown = ("Boats &amp; ships", "Downloading", 'width="43.21%"', "2.0 MB of 4.0 MB", "1.0 KB/s", "1 min 5 s left")
    assert [part for part in shown if part not in text] == []


def test_older_jobs_are_a_page_away(browser: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "PAGE_LENGTH", 2)
    moment = timezone.now()
    oldest, middle, newest = (make_job(owner, created_at=moment) for _ in range(3))

    first, second = page(browser, "/"), page(browser, f"/?before={middle.public_id}")

    assert f"/?before={middle.public_id}" in first
    assert (newest.public_id in first, oldest.public_id in first) == (True, False)
    assert (newest.public_id in second, oldest.public_id in second) == (False, True)


@pytest.mark.parametrize(("state", "seconds"), [(State.RUNNING, 2), (State.PAUSED, 15), (State.COMPLETED, 15)])
def test_the_list_is_polled_faster_while_something_moves(
    browser: Client, owner: User, state: State, seconds: int
) -> None:
    make_job(owner, state)

    assert f"every {seconds}s" in page(browser, "/jobs/rows")


@pytest.mark.parametrize("of_one_job", [False, True])
def test_an_unchanged_fragment_is_answered_with_304(browser: Client, owner: User, of_one_job: bool) -> None:
    job = make_job(owner, State.RUNNING, percent=1.0)
    path = reverse("jobs:live", args=[job.public_id]) if of_one_job else reverse("jobs:rows")
    etag = browser.get(path)["ETag"]

    unchanged = browser.get(path, headers={"If-None-Match": etag})
    Job.objects.update(percent=2.0)
    changed = browser.get(path, headers={"If-None-Match": etag})

    assert (unchanged.status_code, unchanged.content, unchanged["ETag"]) == (304, b"", etag)
    assert (changed.status_code, changed["ETag"] == etag) == (200, False)


def test_missing_workers_are_told_while_jobs_wait(browser: Client, owner: User) -> None:
    make_job(owner)

    assert "No worker is running" in page(browser, "/jobs/rows")


@pytest.mark.parametrize("name", ["job", "live"])
def test_other_peoples_jobs_do_not_exist(browser: Client, name: str) -> None:
    assert browser.get(reverse(f"jobs:{name}", args=[make_job().public_id])).status_code == 404


def test_other_peoples_jobs_cannot_be_acted_on(browser: Client) -> None:
    job = make_job()

    assert act(browser, job, "cancel").status_code == 404

    job.refresh_from_db()
    assert job.state == State.QUEUED


@pytest.mark.parametrize(
    ("state", "verb", "target"),
    [
        (State.QUEUED, "pause", State.PAUSED),
        (State.QUEUED, "cancel", State.CANCELLED),
        (State.PAUSED, "resume", State.QUEUED),
        (State.FAILED, "retry", State.QUEUED),
        (State.COMPLETED, "delete", State.EXPIRED),
    ],
)
def test_buttons_change_the_state_and_show_the_new_row(
    browser: Client, owner: User, state: State, verb: str, target: State
) -> None:
    job = make_job(owner, state)
    assert f'hx-post="{reverse("jobs:act", args=[job.public_id, verb])}"' in page(browser, "/")

    response = act(browser, job, verb)

    job.refresh_from_db()
    assert job.state == target
    assert f'data-state="{target}"' in response.content.decode()
    assert "jobs-changed" in response["HX-Trigger-After-Settle"]


def test_a_running_job_that_is_asked_to_pause_says_so(browser: Client, owner: User) -> None:
    job = make_job(owner, State.RUNNING)

    response = act(browser, job, "pause")

    job.refresh_from_db()
    assert job.wish == Wish.PAUSE
    assert "Pausing" in response.content.decode()


def test_what_a_state_does_not_allow_is_told_in_the_row(browser: Client, owner: User) -> None:
    job = make_job(owner, State.COMPLETED)

    response = act(browser, job, "pause")

    assert f"Job {job.public_id} is completed and cannot be paused." in response.content.decode()
    assert "HX-Trigger-After-Settle" not in response


def test_an_action_on_the_jobs_page_answers_with_that_page(browser: Client, owner: User) -> None:
    response = act(browser, make_job(owner), "pause", **{"HX-Target": "job-page"})

    assert 'id="job-page"' in response.content.decode()


def test_actions_work_without_scripts(browser: Client, owner: User) -> None:
    job = make_job(owner, State.COMPLETED)

    response = browser.post(reverse("jobs:act", args=[job.public_id, "pause"]), follow=True)

    assert response.redirect_chain == [(reverse("jobs:job", args=[job.public_id]), 302)]
    assert "is completed and cannot be paused." in response.content.decode()


def test_unknown_actions_do_not_exist(browser: Client, owner: User) -> None:
    assert act(browser, make_job(owner), "explode").status_code == 404


def test_actions_need_a_token_against_forgery(owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)

    assert act(browser, make_job(owner), "cancel").status_code == 403


def test_the_jobs_page_tells_the_whole_story(browser: Client, owner: User) -> None:
    job = make_job(
        owner,
        State.FAILED,
        error="The site shows this only to signed-in visitors.",
        error_code="login_required",
        provenance={"versions": {"yt_dlp": "2026.10.26"}},
    )
    JobEvent.objects.create(job=job, target=State.QUEUED, reason="submitted by hand")
    JobLog.objects.create(job=job, lines=["<first line>", "second line"], total_lines=2)

    text = page(browser, reverse("jobs:job", args=[job.public_id]))

    shown = (
        job.error,
        "Only for signed-in visitors",
        "submitted by hand",
        "&lt;first line&gt;",
        "second line",
        "2026.10.26",
    )
    assert [part for part in shown if part not in text] == []


def test_files_are_linked_with_size_and_checksum(browser: Client, owner: User) -> None:
    job = make_job(owner, State.COMPLETED)
    file = make_file(job, path="videos/tide & time?.mp4", sha256="ab" * 32, size_bytes=2048)
    gone = make_file(job, path="videos/gone.mp4", deleted_at=timezone.now())

    text = page(browser, reverse("jobs:job", args=[job.public_id])).replace("\N{NO-BREAK SPACE}", " ")

    assert f'href="/files/{file.public_id}/tide%20&amp;%20time%3F.mp4"' in text
    assert ("2.0 KB" in text, "ab" * 32 in text, gone.public_id in text) == (True, True, False)


def test_a_files_link_is_one_that_serves_files(owner: User) -> None:
    file = make_file(make_job(owner, State.COMPLETED), path="videos/tide & time?.mp4")

    match = resolve(unquote(FileCard(file).link))

    assert (match.url_name, match.kwargs) == ("file", {"token": file.public_id, "name": file.name})


def test_attempts_are_read_from_the_events(owner: User) -> None:
    job, lease = make_job(owner), lifecycle.Lease("worker:1", "worker", 60)
    for target in (State.QUEUED, State.FAILED):
        lifecycle.claim(job, lease)
        lifecycle.move(job, target, reason=f"to {target}")

    attempts = attempts_of(list(job.events.all()))

    assert [(attempt.number, attempt.outcome, attempt.reason) for attempt in attempts] == [
        (1, "Put off", "to queued"),
        (2, "Failed", "to failed"),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s"), (4800, "1 h 20 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize("code", [400, 403, 404, 500])
def test_error_pages_need_no_context(code: int) -> None:
    from django.template.loader import get_template

    assert f"{code}" in get_template(f"{code}.html").render()


@pytest.mark.parametrize("template", STRICT_TEMPLATES, ids=lambda path: path.name)
def test_templates_have_nothing_inline_that_the_security_policy_forbids(template: Path) -> None:
    text = template.read_text()

    inline = r"\sstyle\s*=|<style|\son[a-z]+\s*=|javascript:|<script(?![^>]*\ssrc=)|hx-on|hx-vals=.js:"
    assert re.findall(inline, text, re.IGNORECASE) == []


@pytest.mark.parametrize(("cookie", "mark"), [("dark", 'data-theme="dark"'), ("light", 'data-theme="light"')])
def test_the_page_comes_in_the_theme_that_the_reader_chose(browser: Client, cookie: str, mark: str) -> None:
    browser.cookies["theme"] = cookie

    assert mark in browser.get("/").content.decode()


def test_without_a_sane_choice_the_system_decides_about_the_theme(browser: Client) -> None:
    browser.cookies["theme"] = '"><script>'

    assert "data-theme" not in browser.get("/").content.decode()


def test_a_retry_that_no_quota_has_room_for_is_told_beside_the_button(
    browser: Client, owner: User, settings: Any
) -> None:
    settings.QUOTA_STORED_BYTES = 1000
    make_file(make_job(owner, State.COMPLETED), size_bytes=1000)
    job = make_job(owner, State.FAILED)

    response = browser.post(reverse("jobs:act", args=[job.public_id, "retry"]), follow=True)

    assert response.status_code == 200
    assert "Your quota is 1000\xa0bytes of stored results" in response.content.decode()
    job.refresh_from_db()
    assert job.state == State.FAILED


def test_the_page_of_a_failed_job_tells_why_in_words_for_people(browser: Client, owner: User) -> None:
    failure = failures.failure(FailureCode.LOGIN_REQUIRED)
    job = make_job(owner, State.FAILED, error=failure.message, error_code=failure.code)
    JobEvent.objects.create(job=job, source=State.RUNNING, target=State.FAILED, reason=failure.code)

    shown = page(browser, reverse("jobs:job", args=[job.public_id]))

    timeline = shown[shown.index("timeline-heading") : shown.index("log-heading")]
    assert "Only for signed-in visitors" in timeline
    assert "login_required" not in timeline
    assert "cookies_id" not in shown
    assert "choose them under Advanced" in shown


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://media.example", "media.example"),
        ("https://media.example/film.mp4", "media.example/film.mp4"),
        ("https://media.example/2024/05/film.mp4", "media.example/…/film.mp4"),
        ("https://media.example/films/", "media.example/films"),
        ("https://media.example/watch?v=abc", "media.example/watch?v=abc"),
        (f"https://media.example/a/{'film-' * 30}", f"media.example/…/{'film-' * 7}film…"),
    ],
    ids=["host", "short", "deep", "slash", "query", "long"],
)
def test_a_link_without_a_title_is_named_shortly(url: str, name: str) -> None:
    assert short_link(url) == name


def test_a_row_without_a_title_does_not_show_the_whole_link(browser: Client, owner: User) -> None:
    make_job(owner, url="https://media.example/a/b/c/film.mp4", title="")

    rows = page(browser, "/jobs/rows")

    assert ">media.example/…/film.mp4</a>" in rows
