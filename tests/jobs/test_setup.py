import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts import keys
from accounts.models import ApiKey, User
from jobs.management.commands import setup

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_static_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "collect_static_files", lambda: None)
    monkeypatch.setattr(setup, "build_manual", lambda: None)


def test_the_first_start_shows_a_password_and_a_key_that_work(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("setup")

    words = capsys.readouterr().out.split()
    password = words[words.index("password") + 1]
    key = next(word for word in words if word.startswith("mdl_"))
    assert User.objects.get(is_superuser=True).check_password(password)
    assert keys.recognise(key) is not None


def test_the_second_start_shows_no_secret_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("setup")
    capsys.readouterr()
    before = (User.objects.get().password, ApiKey.objects.get().digest)

    call_command("setup")

    assert "mdl_" not in capsys.readouterr().out
    assert (User.objects.get().password, ApiKey.objects.get().digest) == before


def test_secrets_of_the_environment_are_taken_and_not_shown(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ADMIN_PASSWORD = "chosen-password"
    settings.API_KEY = "chosen-key-0123456789"

    call_command("setup")

    output = capsys.readouterr().out
    assert User.objects.get().check_password("chosen-password")
    assert keys.recognise("chosen-key-0123456789") is not None
    assert "chosen" not in output


def test_another_key_in_the_environment_replaces_the_one_before(settings: Settings) -> None:
    for key in ("first-key-0123456789", "second-key-0123456789"):
        settings.API_KEY = key
        call_command("setup")

    assert keys.recognise("first-key-0123456789") is None
    assert keys.recognise("second-key-0123456789") is not None


def test_a_short_key_is_refused(settings: Settings) -> None:
    settings.API_KEY = "short"

    with pytest.raises(CommandError, match="16 characters"):
        call_command("setup")
