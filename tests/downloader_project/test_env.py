import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from downloader_project.env import Environment

PROJECT = Path(__file__).resolve().parents[2]


def test_an_unset_and_an_empty_variable_give_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_LIMIT", raising=False)
    assert Environment().integer("SOME_LIMIT", 7, "a limit") == 7

    monkeypatch.setenv("SOME_LIMIT", " ")
    assert Environment().integer("SOME_LIMIT", 7, "a limit") == 7


def test_values_are_read_in_their_type(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"A": "12", "B": "0.5", "C": "Yes", "D": "a, b ,,c", "E": "JSON"}.items():
        monkeypatch.setenv(name, value)
    env = Environment()

    assert env.integer("A", 1, "") == 12
    assert env.number("B", 1, "") == 0.5
    assert env.flag("C", False, "") is True
    assert env.words("D", [], "") == ["a", "b", "c"]
    assert env.text("E", "text", "", choices=("json", "text")) == "json"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("[::1]", ["[::1]"]),
        ("10.0.0.0/8, [fd00::5]:8080", ["10.0.0.0/8", "[fd00::5]:8080"]),
        ('["https://a.example", "*"]', ["https://a.example", "*"]),
        ("[]", []),
    ],
)
def test_a_list_keeps_the_brackets_of_addresses_and_may_be_json(
    monkeypatch: pytest.MonkeyPatch, raw: str, words: list[str]
) -> None:
    monkeypatch.setenv("HOSTS", raw)

    assert Environment().words("HOSTS", ["default"], "") == words


@pytest.mark.parametrize("raw", ['["a"', '["a", 1]'])
def test_a_broken_json_list_is_a_wrong_value(monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    monkeypatch.setenv("HOSTS", raw)
    env = Environment()
    env.words("HOSTS", [], "")

    with pytest.raises(ImproperlyConfigured, match="HOSTS must be a comma-separated list, or a JSON list of texts"):
        env.stop_if_wrong()


@pytest.mark.parametrize(
    ("raw", "origin"),
    [
        ("https://Media.Example.org/", "https://media.example.org"),
        ("https://media.example.org:443", "https://media.example.org"),
        ("http://[fd00::5]:8080", "http://[fd00::5]:8080"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(monkeypatch: pytest.MonkeyPatch, raw: str, origin: str) -> None:
    monkeypatch.setenv("SITE", raw)
    env = Environment()

    assert env.origin("SITE", "") == origin
    env.stop_if_wrong()


@pytest.mark.parametrize(
    "raw",
    [
        "media.example.org",
        "https://media.example.org/downloads",
        "https://media.example.org?x",
        "ftp://media.example.org",
        "https://user@media.example.org",
        "https://",
        "https://media.example.org:99999",
        "https://[::1",
        "https://two words",
    ],
)
def test_what_is_no_origin_stops_the_start(monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    monkeypatch.setenv("SITE", raw)
    env = Environment()
    env.origin("SITE", "")

    with pytest.raises(ImproperlyConfigured, match=r"SITE must be http://name or https://name"):
        env.stop_if_wrong()


def test_a_directory_is_made_closed_to_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLACE", str(tmp_path / "new"))

    made = Environment().directory("PLACE", tmp_path / "default", "")

    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_directory_that_is_there_keeps_its_mode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir(mode=0o755)
    monkeypatch.setenv("PLACE", str(tmp_path / "old"))

    assert stat.S_IMODE(Environment().directory("PLACE", tmp_path, "").stat().st_mode) == 0o755


def test_a_directory_that_cannot_be_made_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PLACE", str(tmp_path / "file"))
    env = Environment()
    env.secret("SIGNING_KEY", env.directory("PLACE", tmp_path, ""), "")

    with pytest.raises(ImproperlyConfigured, match="PLACE cannot be made"):
        env.stop_if_wrong()


def test_every_wrong_value_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"A": "many", "B": "inf", "C": "perhaps", "D": "70000", "E": "xml", "F": "mysql://x/y"}.items():
        monkeypatch.setenv(name, value)
    env = Environment()
    env.integer("A", 1, "")
    env.number("B", 1, "")
    env.flag("C", False, "")
    env.integer("D", 1, "", maximum=65535)
    env.text("E", "text", "", choices=("json", "text"))
    env.database("F", "sqlite:////tmp/x", "")

    with pytest.raises(ImproperlyConfigured) as caught:
        env.stop_if_wrong()

    message = str(caught.value)
    assert "\n" not in message
    assert [name for name in "ABCDEF" if f"{name} must" not in message] == []


def test_a_secret_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "secret"))

    assert Environment().text("TOKEN", "", "") == "from a file"


def test_an_unreadable_secret_file_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "missing"))
    env = Environment()
    env.text("TOKEN", "", "")

    with pytest.raises(ImproperlyConfigured, match="TOKEN_FILE cannot be read"):
        env.stop_if_wrong()


def test_a_generated_secret_is_kept_and_closed_to_others(tmp_path: Path) -> None:
    first = Environment().secret("SIGNING_KEY", tmp_path / "secrets", "")
    second = Environment().secret("SIGNING_KEY", tmp_path / "secrets", "")

    assert first == second
    assert len(first) >= 50
    assert stat.S_IMODE((tmp_path / "secrets" / "signing_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["signing_key"]


KEYS = ["a" * 43 + "=", "-_" * 21 + "8="]


@pytest.mark.parametrize("raw", [",".join(KEYS), f" {KEYS[0]} , {KEYS[1]}", "\n".join(KEYS)])
def test_encryption_keys_are_a_list_in_their_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, raw: str) -> None:
    monkeypatch.setenv("KEYS", raw)

    assert Environment().encryption_keys("KEYS", tmp_path, "") == KEYS
    assert not list(tmp_path.iterdir())


def test_a_generated_encryption_key_works_is_kept_and_closed_to_others(tmp_path: Path) -> None:
    [key] = Environment().encryption_keys("KEYS", tmp_path / "secrets", "")

    assert Fernet(key).decrypt(Fernet(key).encrypt(b"text")) == b"text"
    assert Environment().encryption_keys("KEYS", tmp_path / "secrets", "") == [key]
    assert stat.S_IMODE((tmp_path / "secrets" / "keys").stat().st_mode) == 0o600


@pytest.mark.parametrize("raw", ["short", KEYS[0][:-1], f"{KEYS[0]},short", "ü" * 43 + "="])
def test_what_is_no_encryption_key_stops_the_start_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, raw: str
) -> None:
    monkeypatch.setenv("KEYS", raw)
    env = Environment()
    env.encryption_keys("KEYS", tmp_path, "")

    with pytest.raises(ImproperlyConfigured, match="KEYS must hold keys of 32 bytes") as caught:
        env.stop_if_wrong()

    assert raw[:5] not in str(caught.value)


def test_a_kept_key_that_was_damaged_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("damaged")
    env = Environment()
    env.encryption_keys("KEYS", tmp_path, "")

    with pytest.raises(ImproperlyConfigured, match=r"keys must hold keys of 32 bytes"):
        env.stop_if_wrong()


def test_a_wrong_value_stops_the_start_with_one_clear_line(tmp_path: Path) -> None:
    environment = {**os.environ, "STORAGE_DIR": str(tmp_path), "PORT": "http", "DEBUG": "maybe", "ENV_FILE": os.devnull}

    done = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.strip() == "wrong configuration: DEBUG must be true or false; PORT must be a whole number"


WRONG = {
    "TRUSTED_PROXIES": "10.0.0.0/33",
    "EGRESS_ALLOW": "192.168.1.0/24,media.example:80",
    "YTDLP_FORMAT": "bestvideo+",
    "YTDLP_TIMEOUT": "7201",
    "PUBLIC_URL": "media.example.org",
}


@pytest.mark.parametrize(
    "command", [["manage.py", "run"], ["manage.py", "worker"], ["-m", "gunicorn", "downloader_project.wsgi"]]
)
def test_no_program_starts_with_a_value_that_would_fail_later(tmp_path: Path, command: list[str]) -> None:
    environment = {"PATH": os.environ["PATH"], "STORAGE_DIR": str(tmp_path), "ENV_FILE": os.devnull, **WRONG}

    done = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env={**environment, "HOST": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert [name for name in WRONG if name not in done.stderr] == []


CUSTOMER_DEFAULTS = {
    "HOST": "0.0.0.0",
    "PORT": 8080,
    "WORKERS": 4,
    "MAX_CONCURRENT_DOWNLOADS": 10,
    "FILE_RETENTION_HOURS": 1,
    "MAX_FILE_SIZE_BYTES": 10 * 1024**3,
    "REQUIRE_API_KEY": True,
    "ALLOWED_DOMAINS": [],
    "ALLOW_YT_DOWNLOADS": False,
    "RATE_LIMIT_PER_MINUTE": 60,
    "RATE_LIMIT_PER_HOUR": 1000,
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "json",
    "ENABLE_METRICS": True,
    "METRICS_PORT": 9090,
    "YTDLP_FORMAT": "bestvideo+bestaudio/best",
    "YTDLP_TIMEOUT": 1800,
    "YTDLP_PROGRESS_TIMEOUT": 300,
    "WEBHOOK_TIMEOUT": 30,
    "WEBHOOK_RETRY_ATTEMPTS": 3,
    "WEBHOOK_RETRY_DELAY": 5,
    "DATABASE_POOL_SIZE": 10,
    "DISABLE_DOCS": False,
    "DEBUG": False,
    "APP_NAME": "Ultimate Media Downloader",
    "ENVIRONMENT": "production",
}


def test_the_defaults_are_those_of_the_customers_document(tmp_path: Path) -> None:
    program = (
        "import json; from downloader_project import settings; print(json.dumps({n: getattr(settings, n) for n in %r}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program % list(CUSTOMER_DEFAULTS)],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "STORAGE_DIR": str(tmp_path), "ENV_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )

    import json

    assert json.loads(done.stdout) == CUSTOMER_DEFAULTS
