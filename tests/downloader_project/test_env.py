import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
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
