import copy
import json
import pickle
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts import rotation
from accounts.models import CookieJar, User
from accounts.vault import CannotDecrypt, Sealed, decrypt, encrypt
from jobs.models import WebhookEndpoint
from tests.factories import make_user

SECRET = "5ecret-v4lue, grüße"


def new_key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def key(settings: Settings) -> str:
    settings.ENCRYPTION_KEYS = [new_key()]
    return str(settings.ENCRYPTION_KEYS[0])


@pytest.fixture
def jar(owner: User, key: str) -> CookieJar:
    return CookieJar.objects.create(owner=owner, name="a", content=Sealed.of(SECRET))


def test_what_is_sealed_can_be_revealed() -> None:
    assert Sealed.of(SECRET).reveal() == SECRET


def test_nobody_sees_what_is_sealed() -> None:
    sealed = Sealed.of(SECRET)

    shown = f"{sealed} {sealed!r} {[sealed]} {sealed.token}"

    assert SECRET not in shown
    assert SECRET[:5] not in shown


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert encrypt(SECRET) != encrypt(SECRET)


def test_without_the_key_nothing_is_revealed(key: str, settings: Settings) -> None:
    sealed = Sealed.of(SECRET)
    settings.ENCRYPTION_KEYS = [new_key()]

    with pytest.raises(CannotDecrypt):
        sealed.reveal()


@pytest.mark.parametrize("token", ["", "no token", "gAAAAAgrüße", f"gAAAA{'x' * 60}"])
def test_what_is_no_token_is_not_decrypted(token: str) -> None:
    with pytest.raises(CannotDecrypt):
        decrypt(token)


def test_a_token_that_was_tampered_with_is_not_decrypted() -> None:
    token = encrypt(SECRET)
    changed = "A" if token[20] != "A" else "B"

    with pytest.raises(CannotDecrypt):
        decrypt(token[:20] + changed + token[21:])


def test_an_older_key_still_opens_and_the_first_one_closes(key: str, settings: Settings) -> None:
    old = Sealed.of(SECRET)
    settings.ENCRYPTION_KEYS = [new_key(), key]

    assert old.reveal() == SECRET
    assert not old.is_current()
    assert old.renewed().is_current()
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    assert Sealed.of(SECRET).reveal() == SECRET


def test_a_column_holds_the_token_alone(jar: CookieJar) -> None:
    row = CookieJar.objects.get(pk=jar.pk)

    assert row.content.reveal() == SECRET
    assert CookieJar.objects.filter(content=row.content).exists()


def test_plain_text_is_never_stored(owner: User) -> None:
    with pytest.raises(TypeError, match="seal the text first"):
        CookieJar.objects.create(owner=owner, name="a", content=SECRET)  # type: ignore[misc]


def test_loading_a_row_does_not_need_the_key(jar: CookieJar, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [new_key()]

    assert CookieJar.objects.get(pk=jar.pk).name == "a"


def test_a_copied_row_keeps_its_secret(jar: CookieJar) -> None:
    assert copy.deepcopy(jar).content.reveal() == SECRET
    assert pickle.loads(pickle.dumps(jar)).content.reveal() == SECRET


def test_a_dump_holds_the_token_and_can_be_loaded(jar: CookieJar) -> None:
    dumped = serializers.serialize("json", [jar])

    assert SECRET[:5] not in dumped
    assert json.loads(dumped)[0]["fields"]["content"] == jar.content.token
    [loaded] = serializers.deserialize("json", dumped)
    assert loaded.object.content.reveal() == SECRET  # type: ignore[attr-defined]


def test_a_dump_with_plain_text_is_not_loaded() -> None:
    with pytest.raises(ValidationError):
        CookieJar._meta.get_field("content").to_python(SECRET)


def rotated() -> str:
    out = StringIO()
    call_command("rotate_cookie_keys", stdout=out)
    return out.getvalue()


def test_rotation_puts_every_column_under_the_first_key(jar: CookieJar, key: str, settings: Settings) -> None:
    hook = WebhookEndpoint.objects.create(owner=jar.owner, url="http://hook.example/", secret=Sealed.of(SECRET))
    settings.ENCRYPTION_KEYS = [new_key(), key]

    told = rotated()

    assert "accounts.CookieJar.content: 1 encrypted anew, 0 " in told
    assert "jobs.WebhookEndpoint.secret: 1 encrypted anew, 0 " in told
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    jar.refresh_from_db()
    hook.refresh_from_db()
    assert (jar.content.reveal(), hook.secret.reveal()) == (SECRET, SECRET)


def test_a_second_rotation_has_nothing_to_do(jar: CookieJar, key: str, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [new_key(), key]
    rotated()
    jar.refresh_from_db()

    assert "accounts.CookieJar.content: 0 encrypted anew, 1 " in rotated()

    assert CookieJar.objects.get().content.token == jar.content.token


def test_an_interrupted_rotation_goes_on(
    jar: CookieJar, key: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "ROWS_AT_ONCE", 2)
    for _ in range(4):
        CookieJar.objects.create(owner=make_user(), name="a", content=Sealed.of(SECRET))
    settings.ENCRYPTION_KEYS = [new_key(), key]
    renewed, calls = Sealed.renewed, iter((False, False, True))
    monkeypatch.setattr(Sealed, "renewed", lambda sealed: _interrupt() if next(calls) else renewed(sealed))
    with pytest.raises(KeyboardInterrupt):
        rotated()
    monkeypatch.setattr(Sealed, "renewed", renewed)

    assert "accounts.CookieJar.content: 3 encrypted anew, 2 " in rotated()


def test_what_no_key_opens_is_told_and_left_alone(jar: CookieJar, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [new_key()]
    kept = CookieJar.objects.create(owner=make_user(), name="a", content=Sealed.of(SECRET))
    settings.ENCRYPTION_KEYS = [new_key(), *settings.ENCRYPTION_KEYS]

    with pytest.raises(CommandError, match="1 rows are under none of ENCRYPTION_KEYS"):
        rotated()

    assert CookieJar.objects.get(pk=jar.pk).content.token == jar.content.token
    kept.refresh_from_db()
    assert kept.content.is_current()


def test_what_is_written_during_a_rotation_is_not_overwritten(
    jar: CookieJar, key: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENCRYPTION_KEYS = [new_key(), key]
    renewed = Sealed.renewed

    def renewed_too_late(sealed: Sealed) -> Sealed:
        CookieJar.objects.update(content=Sealed.of("newer"))
        return renewed(sealed)

    monkeypatch.setattr(Sealed, "renewed", renewed_too_late)
    rotated()

    jar.refresh_from_db()
    assert jar.content.reveal() == "newer"


def _interrupt() -> Sealed:
    raise KeyboardInterrupt
