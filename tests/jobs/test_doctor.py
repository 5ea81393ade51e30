"""Each trouble that the doctor looks for, made in earnest, is found with its mend."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.vault import Sealed
from downloader_project import storage_url
from jobs import circuit
from jobs.diagnosis import Finding, Status, database, examination, machine, service
from jobs.diagnosis import settings as choices
from jobs.diagnosis.finding import Check
from jobs.engine.contract import FailureCode
from jobs.models import Chore, ProbeLink, WebhookEndpoint, Worker
from jobs.states import State
from tests.factories import make_delivery, make_endpoint, make_file, make_job, make_key, make_user

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(hours=1)


def wrong(check: Check) -> list[Finding]:
    """What a check complains of; each complaint has a mend."""
    complaints = [finding for finding in check() if finding.status is not Status.OK]
    assert all(complaint.mend for complaint in complaints)
    return complaints


def only(check: Check, message: str) -> None:
    """It has one complaint, about this."""
    complaints = wrong(check)
    assert len(complaints) == 1, complaints
    assert message in complaints[0].message


@pytest.fixture
def worker() -> Worker:
    Chore.objects.create(name=service.SAMPLE, due_at=timezone.now() + timedelta(minutes=5))
    return Worker.objects.create(name="one:1", host="one", slots=2)


def is_open(settings: Settings) -> None:
    settings.REQUIRE_API_KEY = False


def is_private(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True


def shows_debug(settings: Settings) -> None:
    settings.DEBUG = True


def answers_to_all(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]


def keeps_for_ever(settings: Settings) -> None:
    settings.FILE_RETENTION_HOURS = 0


def has_no_address(settings: Settings) -> None:
    settings.PUBLIC_URL = ""


def has_no_tls(settings: Settings) -> None:
    settings.PUBLIC_URL = "http://media.example.org"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (is_open, "without a key"),
        (is_private, "private network"),
        (shows_debug, "DEBUG"),
        (answers_to_all, "any host name"),
        (keeps_for_ever, "for ever"),
        (has_no_address, "PUBLIC_URL is unset"),
        (has_no_tls, "plain http"),
    ],
)
def test_risky_settings_are_told(settings: Settings, change: Callable[[Settings], None], message: str) -> None:
    settings.PUBLIC_URL = "https://media.example.org"
    assert wrong(choices.choices) == []

    change(settings)

    only(choices.choices, message)


def test_secrets_that_others_can_read_are_told(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGE_DIR = tmp_path
    tmp_path.chmod(0o700)
    secret = tmp_path / "secrets" / "secret_key"
    secret.parent.mkdir(mode=0o700)
    secret.touch(0o600)
    assert wrong(choices.secrets) == []

    secret.chmod(0o644)

    only(choices.secrets, str(secret))


def test_a_store_that_does_not_answer_is_told(settings: Settings) -> None:
    assert wrong(machine.store) == []

    away = storage_url.parse("s3://nobody/x?endpoint=http://127.0.0.1:1&region=here")
    keys = {"access_key": "a", "secret_key": "b", "session_token": ""}
    settings.STORAGES = {**settings.STORAGES, "default": away.backend(**keys)}

    only(machine.store, "Results cannot be stored")


def test_directories_that_are_none_are_told(settings: Settings, tmp_path: Path) -> None:
    assert wrong(machine.directories) == []
    (tmp_path / "file").touch()

    settings.WORK_DIR = tmp_path / "file" / "work"

    only(machine.directories, "cannot be written to")


def test_a_full_disk_is_told(settings: Settings) -> None:
    settings.FREE_DISK_FLOOR_BYTES = 2**60

    only(machine.disk, "downloads stop below")


def test_missing_static_files_are_told(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path

    only(machine.static_files, "is missing")


def test_a_missing_ffmpeg_is_told(settings: Settings, tmp_path: Path) -> None:
    settings.FFMPEG_LOCATION = str(tmp_path)

    assert wrong(machine.tools)[0].check == "ffmpeg"


def test_an_engine_that_does_not_load_is_told(settings: Settings, tmp_path: Path) -> None:
    settings.ENGINE_DIR = tmp_path
    (tmp_path / "2030.01.01").mkdir()
    (tmp_path / "current").symlink_to("2030.01.01")

    only(machine.engine, "does not work here")


def test_a_disk_that_is_nearly_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "FULL_PERCENT", -1)

    only(machine.disk, "% full")


def test_an_old_engine_is_told(settings: Settings) -> None:
    settings.YTDLP_OLD_DAYS = -100_000

    only(machine.engine, "days old")


def test_secrets_under_a_lost_key_are_told(owner: User) -> None:
    endpoint = make_endpoint(owner)
    assert wrong(database.encryption) == []

    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(secret=Sealed("gAAAAA-not-of-these-keys"))

    only(database.encryption, "1 of 1 stored secrets cannot be decrypted")


def test_nobody_to_administer_is_told(owner: User) -> None:
    make_key(owner)
    only(service.people, "no active administrator")

    make_user(is_superuser=True)

    assert wrong(service.people) == []


def test_no_key_to_call_with_is_told() -> None:
    make_user(is_superuser=True)

    only(service.people, "no usable API key")


def test_no_living_worker_is_told(worker: Worker) -> None:
    assert wrong(service.workers) == []

    Worker.objects.update(seen_at=timezone.now() - LONG_AGO)

    only(service.workers, "No worker is alive")


def test_workers_that_died_are_told_with_their_last_sign_of_life(worker: Worker) -> None:
    died = timezone.now() - LONG_AGO
    Worker.objects.create(name="two:1", host="two", slots=2, seen_at=died)

    only(service.workers, f"1 died within a day (two:1 at {died:%H:%M} UTC). 1 live.")
    assert wrong(service.workers)[0].status is Status.WARNING


def test_more_dead_workers_than_living_ones_are_an_error(worker: Worker) -> None:
    for number in range(50):
        Worker.objects.create(name=f"w{number}:1", host=f"w{number}", slots=2, seen_at=timezone.now() - LONG_AGO)

    only(service.workers, "50 died within a day")
    [complaint] = wrong(service.workers)
    assert (complaint.status, "and 45 more" in complaint.message) == (Status.ERROR, True)


def test_without_any_worker_the_dead_are_named(worker: Worker) -> None:
    Worker.objects.update(seen_at=timezone.now() - LONG_AGO)

    only(service.workers, "1 died within a day (one:1 at ")


def test_a_worker_that_was_replaced_on_its_host_is_not_missed(worker: Worker) -> None:
    Worker.objects.create(name="one:2", host="one", slots=2, seen_at=timezone.now() - LONG_AGO)

    assert wrong(service.workers) == []


def test_workers_with_an_old_engine_or_without_ffmpeg_are_named(worker: Worker, settings: Settings) -> None:
    version = f"{timezone.now():%Y.%m.%d}"
    Worker.objects.update(tools={"yt_dlp": version, "ffmpeg": "7.1", "js_runtime": "deno"})
    assert wrong(service.tools) == []

    Worker.objects.create(name="two:1", host="two", slots=2, tools={"yt_dlp": "2020.01.01", "ffmpeg": ""})

    messages = [complaint.message for complaint in wrong(service.tools)]
    assert messages[0].startswith("ffmpeg is missing on 1 of 2 workers: two:1.")
    assert messages[1].startswith("yt-dlp is old on 1 of 2 workers: two:1 (")


def test_results_that_have_nearly_taken_their_room_are_told(owner: User, settings: Settings) -> None:
    settings.STORAGE_QUOTA_BYTES = 1000
    make_file(make_job(owner, State.COMPLETED), size_bytes=900)
    assert wrong(service.room) == []

    make_job(owner, State.RUNNING, reserved_bytes=50)

    only(service.room, "95 % of STORAGE_QUOTA_BYTES")


def test_chores_that_nobody_does_are_told(worker: Worker) -> None:
    Chore.objects.update(due_at=timezone.now() - LONG_AGO)

    only(service.workers, "recurring chores")


def test_running_jobs_without_a_worker_are_told(worker: Worker, owner: User) -> None:
    make_job(owner, State.RUNNING, lease_expires_at=timezone.now() - LONG_AGO)

    only(service.workers, "1 running jobs")


def test_jobs_that_wait_for_long_are_told(worker: Worker, owner: User) -> None:
    make_job(owner)
    assert wrong(service.queue) == []

    make_job(owner, queued_at=timezone.now() - LONG_AGO)

    only(service.queue, "while 2 of 2 slots are free")


def test_the_job_that_waits_longest_is_named_with_its_age(worker: Worker, owner: User) -> None:
    make_job(owner, queued_at=timezone.now() - timedelta(minutes=6))
    oldest = make_job(owner, queued_at=timezone.now() - timedelta(days=2, minutes=1))
    for _ in range(2):
        make_job(owner, State.RUNNING)

    only(service.queue, f"2 jobs wait for over 5 minutes, {oldest.public_id} for 2 days, 0:0")
    only(service.queue, "and all 2 slots are taken")


def test_jobs_that_wait_for_a_worker_that_is_not_there_are_an_error(owner: User) -> None:
    make_job(owner, queued_at=timezone.now() - LONG_AGO)

    only(service.queue, "no worker is alive")
    assert wrong(service.queue)[0].status is Status.ERROR


def test_failures_of_the_last_hour_are_told_with_their_class(owner: User) -> None:
    for _ in range(10):
        make_job(owner, State.FAILED, error_code=FailureCode.NETWORK)
    make_job(owner, State.COMPLETED)

    only(service.failures, "network at media.example (10)")


def test_a_site_that_fails_is_told_among_others_that_do_not(owner: User) -> None:
    for _ in range(20):
        make_job(owner, State.COMPLETED, host="well.example")
    for _ in range(2):
        make_job(owner, State.COMPLETED, host="ill.example")
        make_job(owner, State.FAILED, host="ill.example", error_code=FailureCode.LOGIN_REQUIRED)
        make_job(owner, State.FAILED, host="few.example", error_code=FailureCode.NETWORK)
        make_job(owner, State.CANCELLED, host="ill.example")
    assert wrong(service.failing_sites) == []

    make_job(owner, State.FAILED, host="ill.example", error_code=FailureCode.LOGIN_REQUIRED)

    assert wrong(service.failures) == []
    only(service.failing_sites, "3 of 5 downloads from ill.example failed within an hour, mostly with login_required.")
    assert "fresh cookies" in wrong(service.failing_sites)[0].mend


def test_held_and_failing_sites_are_told(owner: User, settings: Settings) -> None:
    settings.SITE_HOLD_AFTER = 1
    circuit.note_refusal("media.example")
    ProbeLink.objects.create(
        owner=owner, url="http://other.example/v", host="other.example", failures=2, failing_since=timezone.now()
    )

    messages = [complaint.message for complaint in wrong(service.sites)]

    assert len(messages) == 2
    assert messages[0].startswith("media.example answered")
    assert messages[1].startswith("Downloads from other.example fail since")


def test_late_messages_and_lost_receivers_are_told(owner: User) -> None:
    make_delivery(owner, due_at=timezone.now() - LONG_AGO)
    make_endpoint(owner, is_active=False, disabled_reason="The receiver answered 410 Gone.")

    messages = [complaint.message for complaint in wrong(service.webhooks)]

    assert [message.split()[0] for message in messages] == ["1", "1"]
    assert "turned off" in messages[1]


def test_a_host_whose_name_is_not_found_is_told(owner: User) -> None:
    assert wrong(service.names) == []
    make_job(owner, host="nothing.invalid")

    only(service.names, "nothing.invalid")


def test_a_check_that_breaks_is_a_finding_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(examination, "ALWAYS", (breaks, choices.secrets))

    findings = examination.examine()

    assert (findings[0].check, findings[0].status) == ("breaks", Status.ERROR)
    assert len(findings) > 1


@pytest.mark.slow
def test_the_command_ends_with_one_and_tells_programs_and_people_the_same(worker: Worker) -> None:
    out, text = StringIO(), StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--json", stdout=out)
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=text)

    document = json.loads(out.getvalue())
    assert ended.value.code == 1
    assert (document["status"], document["errors"] > 0) == ("error", True)
    missing = [finding for finding in document["findings"] if f"  {finding['check']}: " not in text.getvalue()]
    assert missing == []
    assert {finding["check"] for finding in document["findings"]} >= {"database", "migrations", "workers", "disk"}
