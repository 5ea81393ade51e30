from datetime import timedelta

from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, User


def test_the_secret_is_stored_nowhere(owner: User) -> None:
    issued = keys.issue(owner, "laptop")

    row = ApiKey.objects.filter(pk=issued.key.pk).values().get()

    assert issued.secret not in str(row)
    assert issued.secret.startswith(row["prefix"])
    assert len(issued.secret) >= 40


def test_an_issued_key_is_recognised(owner: User) -> None:
    issued = keys.issue(owner, "laptop")

    assert keys.recognise(issued.secret) == issued.key
    assert keys.recognise(issued.secret + "x") is None


def test_of_a_chosen_key_only_four_characters_are_shown(owner: User) -> None:
    issued = keys.issue(owner, "laptop", secret="correct horse battery")

    assert issued.key.prefix == "corr"
    assert keys.recognise("correct horse battery") == issued.key


def test_a_revoked_key_stops_working_and_stays_on_record(owner: User) -> None:
    issued = keys.issue(owner, "laptop")

    keys.revoke(issued.key)

    assert keys.recognise(issued.secret) is None
    assert ApiKey.objects.filter(pk=issued.key.pk).exists()


def test_the_last_use_is_written_once_a_minute(owner: User) -> None:
    key = keys.issue(owner, "laptop").key
    lately = timezone.now() - timedelta(seconds=30)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=lately)
    key.refresh_from_db()

    keys.touch(key)

    key.refresh_from_db()
    assert key.last_used_at == lately

    ApiKey.objects.filter(pk=key.pk).update(last_used_at=lately - timedelta(minutes=1))
    key.refresh_from_db()
    keys.touch(key)

    key.refresh_from_db()
    assert key.last_used_at is not None
    assert key.last_used_at > lately


def test_write_includes_read_and_admin_includes_both(owner: User) -> None:
    def granted(*scopes: str) -> set[str]:
        key = keys.issue(owner, "laptop", scopes=scopes).key
        return {scope for scope in ("read", "write", "admin") if keys.allows(key, scope)}

    assert granted("read") == {"read"}
    assert granted("write") == {"read", "write"}
    assert granted("admin") == {"read", "write", "admin"}
    assert granted() == granted("nonsense") == set()
