from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, AuditEntry, User
from tests.commands import document, told
from tests.factories import make_key

pytestmark = pytest.mark.django_db


def test_a_created_key_works_and_its_secret_is_in_no_record(owner: User) -> None:
    created = document("keys", "create", owner.username, "backups", "--scope", "read", "--expires-in", "30d")

    key = keys.recognise(created["secret"])
    assert key is not None
    assert (key.owner, key.name, key.scopes) == (owner, "backups", ["read"])
    assert key.expires_at is not None
    assert timedelta(days=29) < key.expires_at - timezone.now() <= timedelta(days=30)
    entry = AuditEntry.objects.get()
    assert (entry.source, entry.action, entry.subjects) == ("command", "create", [str(key)])
    assert created["secret"] not in f"{entry.subjects} {entry.details}"


def test_people_see_the_secret_once(owner: User) -> None:
    text = told("keys", "create", owner.username, "backups")

    secret = text.split()[0]
    assert keys.recognise(secret) is not None
    assert secret not in told("keys", "list")


def test_a_key_is_revoked_by_id_or_prefix_and_only_once(owner: User) -> None:
    (one, first), (two, second) = make_key(owner), make_key(owner)

    done = document("keys", "revoke", str(one.pk), two.prefix)
    again = document("keys", "revoke", str(one.pk))

    assert done["revoked"] == [one.pk, two.pk]
    assert (again["revoked"], again["left"]) == ([], 1)
    assert keys.recognise(first) is keys.recognise(second) is None


@pytest.mark.parametrize("words", [("create", "nobody", "x"), ("revoke", "mdl_unknown"), ("list", "--owner", "nobody")])
def test_what_is_not_there_is_named_and_nothing_changes(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"nobody|mdl_unknown"):
        told("keys", *words)

    assert not AuditEntry.objects.exists()


def test_a_prefix_of_several_keys_revokes_none(owner: User) -> None:
    for secret in ("same-one-of-two-keys", "same-two-of-two-keys"):
        keys.issue(owner, "old", secret=secret)

    with pytest.raises(CommandError, match="several keys"):
        told("keys", "revoke", "same")

    assert ApiKey.objects.filter(revoked_at__isnull=True).count() == 2


def test_the_list_can_leave_out_what_works_no_longer(owner: User) -> None:
    usable, _ = make_key(owner)
    revoked, _ = make_key(owner)
    keys.revoke(revoked)

    assert {row["id"] for row in document("keys", "list")} == {usable.pk, revoked.pk}
    assert [row["id"] for row in document("keys", "list", "--usable")] == [usable.pk]
