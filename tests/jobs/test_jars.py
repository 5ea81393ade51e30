"""Cookie jars at work, with the real engine and a local origin: lent, taken back, tried out, and seen nowhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as service
from django.db import connection
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import cookies
from accounts.models import CookieJar, User
from accounts.netscape import by_key
from jobs import execution, extraction, jars, trials
from jobs.engine.contract import Options
from jobs.errors import QueueFull, StateConflict, ValueRefused
from jobs.extraction import running
from jobs.models import Extraction, Job
from jobs.states import ExtractionKind, ExtractionState, State
from tests.cookie_lines import SECRET, line
from tests.factories import make_batch, make_job, make_key, make_user
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

HERE = {"domain": "127.0.0.1", "below": "FALSE"}
OPEN = line(**HERE, name="session", value="open")


@pytest.fixture
def owner(transactional_db: None) -> User:
    return make_user()


@pytest.fixture(autouse=True)
def near(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    settings.RETRY_DELAY = 0


def stored(owner: User, *lines: str, name: str = "members") -> CookieJar:
    return cookies.store(owner, name, "\n".join(lines or (OPEN,))).jar


def values(jar: CookieJar) -> dict[str, str]:
    jar.refresh_from_db()
    return {cookie.name: cookie.value for cookie in by_key(jar.content.reveal()).values()}


def ran(job: Job) -> Job:
    assert execution.run_next()
    job.refresh_from_db()
    return job


def test_a_job_gets_what_its_jar_opens(owner: User, origin: Origin) -> None:
    jar = stored(owner)

    job = ran(make_job(owner, url=origin.url("/cookie/video.mp4"), cookie_jar=jar))

    assert job.state == State.COMPLETED, job.error
    jar.refresh_from_db()
    assert jar.last_used_at is not None


def test_without_a_jar_the_failure_tells_how_to_bring_cookies(owner: User, origin: Origin) -> None:
    job = ran(make_job(owner, url=origin.url("/cookie/page.html")))

    assert (job.state, job.error_code) == (State.FAILED, "login_required")
    assert "cookies_id" in job.error


def test_a_jar_that_the_site_refuses_is_named(owner: User, origin: Origin) -> None:
    jar = stored(owner, line(**HERE, name="session", value="closed"))

    job = ran(make_job(owner, url=origin.url("/cookie/page.html"), cookie_jar=jar))

    assert (job.state, job.error_code) == (State.FAILED, "login_required")
    assert "“members”" in job.error


@pytest.mark.parametrize("path", ["/video.mp4", "/status/404"])
def test_what_the_site_refreshed_is_stored_back(owner: User, origin: Origin, path: str) -> None:
    jar = stored(owner)

    ran(make_job(owner, url=origin.url(f"/sets{path}?cookie={quote('session=renewed; Path=/')}"), cookie_jar=jar))

    assert values(jar) == {"session": "renewed"}


def test_a_jar_that_no_key_opens_fails_the_job_with_a_sentence(owner: User, origin: Origin, settings: Settings) -> None:
    jar = stored(owner)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    job = ran(make_job(owner, url=origin.url("/video.mp4"), cookie_jar=jar))

    assert (job.state, job.attempts) == (State.FAILED, 1)
    assert "“members” cannot be opened" in job.error
    assert not origin.requests


def test_a_page_is_read_with_the_jar(owner: User, origin: Origin) -> None:
    jar = stored(owner)

    asked = extraction.ask(owner, ExtractionKind.VIDEO, origin.url("/cookie/page.html"), cookie_jar=jar)
    row = running.run_next()

    assert row == asked
    assert row is not None
    assert row.state == ExtractionState.COMPLETED, row.error


def test_a_page_that_needs_a_jar_which_no_key_opens_fails_with_a_sentence(
    owner: User, origin: Origin, settings: Settings
) -> None:
    jar = stored(owner)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    extraction.ask(owner, ExtractionKind.VIDEO, origin.url("/page.html"), cookie_jar=jar)

    row = running.run_next()

    assert row is not None
    assert row.state == ExtractionState.FAILED
    assert "cannot be opened" in row.error


def test_new_cookies_are_a_new_question(owner: User) -> None:
    url = "http://127.0.0.1/page.html"
    first = extraction.queued_for(owner, ExtractionKind.VIDEO, url, cookie_jar=stored(owner))

    again = extraction.queued_for(owner, ExtractionKind.VIDEO, url, cookie_jar=CookieJar.objects.get())
    renewed = extraction.queued_for(owner, ExtractionKind.VIDEO, url, cookie_jar=stored(owner))

    assert first.question == again.question != renewed.question


def test_a_download_goes_on_from_a_page_that_was_read_with_the_same_cookies_only(owner: User, origin: Origin) -> None:
    url = origin.url("/cookie/page.html")
    extraction.ask(owner, ExtractionKind.VIDEO, url, cookie_jar=stored(owner))
    running.run_next()
    job = make_job(owner, url=url, cookie_jar=CookieJar.objects.get())
    assert extraction.known_info(job) is not None

    job.cookie_jar = stored(owner)

    assert extraction.known_info(job) is None


# --- deleting ---


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.PAUSED])
def test_a_jar_that_a_download_needs_is_not_deleted(owner: User, state: State) -> None:
    jar = stored(owner)
    job = make_job(owner, state, cookie_jar=jar)

    with pytest.raises(StateConflict, match=job.public_id):
        jars.delete(jar)

    assert CookieJar.objects.exists()


def test_a_jar_that_a_list_is_about_to_be_read_with_is_not_deleted(owner: User) -> None:
    jar = stored(owner)
    make_batch(owner, cookie_jar=jar, is_expanded=False)

    with pytest.raises(StateConflict):
        jars.delete(jar)


def test_a_jar_that_is_needed_no_more_goes_and_what_was_found_with_it(owner: User) -> None:
    jar = stored(owner)
    job = make_job(owner, State.COMPLETED, cookie_jar=jar)
    extraction.ask(owner, ExtractionKind.VIDEO, "http://127.0.0.1/", cookie_jar=jar)

    jars.delete(jar)

    job.refresh_from_db()
    assert job.cookie_jar is None
    assert not CookieJar.objects.exists()
    assert not Extraction.objects.exists()


# --- trials ---


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's part is done while the caller waits."""
    answer = extraction.answer

    def answer_now(asked: Extraction) -> dict[str, Any]:
        running.run_next()
        asked.refresh_from_db()
        return answer(asked)

    monkeypatch.setattr(extraction, "answer", answer_now)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("path", "session", "told"),
    [
        ("/cookie/page.html", "open", ("accepted", "not without them")),
        ("/cookie/page.html", "closed", ("rejected", "“members”")),
        ("/page.html", "open", ("unknown", "without the cookies too")),
        ("/status/404", "open", ("unknown", "could not be read")),
    ],
)
def test_a_trial_tells_whether_the_site_takes_the_cookies(
    owner: User, origin: Origin, path: str, session: str, told: tuple[str, str]
) -> None:
    jar = stored(owner, line(**HERE, name="session", value=session))

    verdict = trials.judge(jar, origin.url(path))

    assert verdict.result == told[0]
    assert told[1] in verdict.message
    jar.refresh_from_db()
    assert jar.test_result == told[0]
    assert jar.tested_at is not None


@pytest.mark.usefixtures("at_once")
def test_a_trial_never_takes_an_earlier_answer(owner: User, origin: Origin) -> None:
    jar = stored(owner)
    trials.judge(jar, origin.url("/cookie/page.html"))
    before = len(origin.requests)

    trials.judge(jar, origin.url("/cookie/page.html"))

    assert len(origin.requests) > before


def test_a_trial_of_a_jar_that_no_key_opens_says_so(owner: User, settings: Settings) -> None:
    jar = stored(owner)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    verdict = trials.judge(jar, "http://127.0.0.1/")

    assert verdict.result == "unknown"
    assert "cannot be opened" in verdict.message


def test_a_trial_needs_a_page_that_the_jar_is_for(owner: User) -> None:
    with pytest.raises(ValueRefused, match=r"no cookies for elsewhere\.example"):
        trials.judge(stored(owner), "http://elsewhere.example/")


def test_a_trial_waits_in_no_queue_that_is_full(owner: User, settings: Settings) -> None:
    settings.EXTRACTION_QUEUE_LIMIT = 0

    with pytest.raises(QueueFull):
        trials.judge(stored(owner), "http://127.0.0.1/")


# --- secrecy ---


@pytest.mark.slow
@pytest.mark.usefixtures("at_once")
def test_a_cookie_is_found_nowhere_but_encrypted(owner: User, origin: Origin, caplog: pytest.LogCaptureFixture) -> None:
    _, key = make_key(owner)
    api = APIClient(raise_request_exception=False, headers={"X-API-Key": key})
    told = [stores(api), refuses(api)]
    jar = CookieJar.objects.get()
    options = Options(write_info_json=True).to_json()
    paths = ["/page.html", f"/status/404/{SECRET}.mp4", f"/sets/video.mp4?cookie={quote('more=m; Path=/')}"]
    for path in paths:
        job = ran(make_job(owner, url=origin.url(path), cookie_jar=jar, options=options))
        told += [api.get(f"/api/v1/download/{job.public_id}{part}").content.decode() for part in ("", "/logs")]
    trials.judge(jar, origin.url("/page.html"))
    told += [api.get(path).content.decode() for path in ("/api/v1/cookies", f"/api/v1/cookies/{jar.public_id}")]

    assert values(jar) == {"sid": SECRET, "more": "m"}
    assert any(SECRET in (one.headers.get("cookie") or "") for one in origin.requests)
    logs = "".join(told).replace(f"/status/404/{SECRET}.mp4", "")  # the link itself is the caller's own word
    assert SECRET not in logs
    assert SECRET not in caplog.text
    assert not [path for path in files_below(Path(service.STORAGE_DIR)) if SECRET.encode() in path.read_bytes()]
    rows = "".join(everything_stored()).replace(f"/status/404/{SECRET}.mp4", "")
    assert SECRET not in rows


def stores(api: APIClient) -> str:
    cookie = line(**HERE)
    return api.post("/api/v1/cookies", {"cookies": cookie, "name": "members"}, format="json").content.decode()


def refuses(api: APIClient) -> str:
    response = api.post("/api/v1/cookies", {"cookies": f"{SECRET}\t{SECRET}", "name": SECRET + "!"}, format="json")
    assert response.status_code == 422
    return response.content.decode()


def files_below(directory: Path) -> Iterator[Path]:
    """What the service stores beside its database, which other tests write to as well."""
    found = [path for path in directory.rglob("*") if path.is_file() and "sqlite3" not in path.name]
    assert any(path.name.endswith(".info.json") for path in found)
    return iter(found)


def everything_stored() -> Iterator[str]:
    """Every row of every table, as text."""
    read: Callable[[str], str] = connection.ops.quote_name
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {read(table)}")
            yield from (str(row) for row in cursor.fetchall())
