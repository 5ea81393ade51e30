import time
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts import cookies
from accounts.cookies import Status, TestResult
from accounts.models import CookieJar, User
from accounts.netscape import CookiesRefused, by_key
from tests.cookie_lines import LATER, SECRET, line
from tests.factories import make_user

DAY = 86400


def stored(owner: User, *lines: str, name: str = "default") -> CookieJar:
    return cookies.store(owner, name, "\n".join(lines or (line(),))).jar


def content(jar: CookieJar) -> str:
    jar.refresh_from_db()
    return jar.content.reveal()


def values(jar: CookieJar) -> dict[str, str]:
    return {cookie.name: cookie.value for cookie in by_key(content(jar)).values()}


def test_a_jar_keeps_its_cookies_encrypted(owner: User) -> None:
    jar = stored(owner)

    row = CookieJar.objects.filter(pk=jar.pk).values().get()

    assert SECRET not in str(row)
    assert SECRET not in repr(jar.content)
    assert SECRET in content(jar)


def test_a_jar_tells_where_its_cookies_go_and_how_long_they_last(owner: User) -> None:
    soon, late = int(time.time()) + DAY, int(time.time()) + 30 * DAY
    jar = stored(
        owner,
        line(name="a", expires=str(late)),
        line(domain="b.example", below="FALSE", name="b", expires=str(soon)),
    )

    assert jar.domains == ["b.example", "example.org"]
    assert jar.expires_at is not None
    assert jar.lapses_at is not None
    assert (jar.expires_at.timestamp(), jar.lapses_at.timestamp()) == (soon, late)


def test_the_same_name_replaces_the_content_and_keeps_the_id(owner: User) -> None:
    first = stored(owner)
    cookies.note_test(first, TestResult.ACCEPTED)

    second = stored(owner, line(domain="other.example", value="new value"))

    assert (second.pk, second.public_id, second.created_at) == (first.pk, first.public_id, first.created_at)
    assert second.updated_at > first.updated_at
    assert (second.domains, second.tested_at, second.test_result) == (["other.example"], None, "")
    assert SECRET not in content(second)


def test_owners_have_names_of_their_own(owner: User) -> None:
    mine, theirs = stored(owner), stored(make_user())

    assert mine.public_id != theirs.public_id
    assert cookies.jar_of(owner, mine.public_id) == mine
    with pytest.raises(cookies.JarNotFound):
        cookies.jar_of(owner, theirs.public_id)


def test_expired_cookies_are_left_out_and_counted(owner: User) -> None:
    outcome = cookies.store(owner, "default", f"{line()}\n{line(name='old', expires='1')}")

    assert outcome.dropped == 1
    assert values(outcome.jar) == {"sid": SECRET}


def test_a_jar_of_expired_cookies_is_refused(owner: User) -> None:
    with pytest.raises(CookiesRefused, match="has expired"):
        stored(owner, line(expires="1"))
    assert not CookieJar.objects.exists()


def test_an_owner_has_so_many_jars_and_can_still_replace_one(owner: User, settings: Settings) -> None:
    settings.MAX_COOKIE_JARS = 1
    stored(owner)
    stored(make_user())

    with pytest.raises(cookies.TooManyJars):
        stored(owner, name="second")
    assert values(stored(owner, line(value="new value"))) == {"sid": "new value"}


@pytest.mark.parametrize(
    ("lives", "status"),
    [
        ([10 * DAY], Status.ACTIVE),
        ([0], Status.ACTIVE),
        ([2 * DAY], Status.EXPIRING),
        ([2 * DAY, 10 * DAY], Status.EXPIRING),
        ([2 * DAY, 0], Status.EXPIRING),
        ([-DAY, 10 * DAY], Status.EXPIRING),
        ([-DAY, 0], Status.EXPIRING),
        ([-2 * DAY, -DAY], Status.EXPIRED),
    ],
)
def test_the_status_tells_how_long_a_jar_is_good_for(owner: User, lives: list[int], status: Status) -> None:
    now = int(time.time())
    ahead = 5 * DAY  # the jar is stored, and looked at five days later
    lines = [line(name=f"n{life}", expires=str(now + life + ahead) if life else "0") for life in lives]
    jar = stored(owner, *lines)
    passed = timedelta(seconds=ahead)
    jar.expires_at = jar.expires_at - passed if jar.expires_at else None
    jar.lapses_at = jar.lapses_at - passed if jar.lapses_at else None

    assert cookies.status_of(jar) == status


@pytest.mark.parametrize(
    ("host", "covered"),
    [("example.org", True), ("www.example.org", True), ("notexample.org", False), ("org", False)],
)
def test_a_jar_covers_its_domains_and_what_is_below(owner: User, host: str, covered: bool) -> None:
    assert cookies.covers(stored(owner), host) is covered


def test_what_a_site_changed_is_stored(owner: User) -> None:
    jar = stored(owner, line(), line(name="gone"), line(name="same", value="s"))
    before = content(jar)
    after = "\n".join([line(value="refreshed"), line(name="same", value="s"), line(name="new", value="n")])

    assert cookies.refresh(jar, before=before, after=after)

    assert values(jar) == {"sid": "refreshed", "same": "s", "new": "n"}


def test_what_came_back_unchanged_is_not_stored(owner: User) -> None:
    jar = stored(owner)

    assert not cookies.refresh(jar, before=content(jar), after=content(jar))


def test_an_expiry_follows_the_refreshed_cookies(owner: User) -> None:
    jar = stored(owner, line(expires=str(LATER)))

    cookies.refresh(jar, before=content(jar), after=line(expires=str(LATER + DAY)))

    jar.refresh_from_db()
    assert jar.expires_at is not None
    assert jar.expires_at.timestamp() == LATER + DAY


@pytest.mark.parametrize(
    ("domain", "below", "kept"),
    [
        (".example.org", "TRUE", True),
        ("example.org", "FALSE", True),
        ("www.example.org", "FALSE", True),
        (".www.example.org", "TRUE", True),
        ("host.example", "FALSE", True),
        (".host.example", "TRUE", False),
        ("www.host.example", "FALSE", False),
        ("evil.example", "FALSE", False),
        ("notexample.org", "FALSE", False),
    ],
)
def test_a_site_cannot_plant_cookies_for_other_domains(owner: User, domain: str, below: str, kept: bool) -> None:
    jar = stored(owner, line(), line(domain="host.example", below="FALSE"))
    before = content(jar)

    cookies.refresh(jar, before=before, after=f"{before}{line(domain=domain, below=below, name='planted')}")

    assert ("planted" in values(jar)) is kept


def test_an_upload_in_the_meantime_is_not_overwritten(owner: User) -> None:
    jar = stored(owner)
    before = content(jar)
    stored(owner, line(value="uploaded"))

    assert not cookies.refresh(jar, before=before, after=line(value="refreshed"))

    assert values(jar) == {"sid": "uploaded"}


def test_of_two_that_bring_a_jar_back_both_ones_changes_count(owner: User) -> None:
    jar = stored(owner, line(), line(name="other", value="o"))
    before = content(jar)

    assert cookies.refresh(jar, before=before, after=f"{line(value='first')}\n{line(name='other', value='o')}")
    assert cookies.refresh(jar, before=before, after=f"{line()}\n{line(name='other', value='second')}")

    assert values(jar) == {"sid": "first", "other": "second"}


@pytest.mark.parametrize("after", ["", "nonsense", line(expires="1")])
def test_a_jar_is_never_emptied(owner: User, after: str) -> None:
    jar = stored(owner)

    assert not cookies.refresh(jar, before=content(jar), after=after)

    assert values(jar) == {"sid": SECRET}


def test_a_site_cannot_fill_a_jar_beyond_its_bound(owner: User, settings: Settings) -> None:
    jar = stored(owner)
    settings.MAX_COOKIE_BYTES = 1024
    before = content(jar)

    assert not cookies.refresh(jar, before=before, after=before + line(name="big", value="x" * 1000))

    assert values(jar) == {"sid": SECRET}


def test_without_its_key_a_jar_is_not_refreshed(owner: User, settings: Settings) -> None:
    jar = stored(owner)
    before = content(jar)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert not cookies.refresh(jar, before=before, after=line(value="refreshed"))


def test_a_result_is_not_noted_for_cookies_that_were_not_tested(owner: User) -> None:
    tested = stored(owner)
    stored(owner, line(value="newer"))

    assert not cookies.note_test(tested, TestResult.REJECTED)
    assert (tested.tested_at, tested.test_result) == (None, "")


def test_the_operator_sees_a_jar_but_no_cookie_and_can_delete_it(owner: User, client: Client) -> None:
    jar = stored(owner)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    page = reverse("admin:accounts_cookiejar_change", args=[jar.pk])
    pages = [client.get(path).content.decode() for path in (reverse("admin:accounts_cookiejar_changelist"), page)]

    assert all(jar.name in text and "example.org" in text for text in pages)
    assert all(SECRET not in text and jar.content.token not in text for text in pages)
    assert client.post(page, {"name": "changed"}).status_code == 403
    client.post(reverse("admin:accounts_cookiejar_delete", args=[jar.pk]), {"post": "yes"})
    assert not CookieJar.objects.exists()


def test_use_is_noted(owner: User) -> None:
    jar = stored(owner)

    cookies.note_use(jar)

    jar.refresh_from_db()
    assert jar.last_used_at is not None
    assert timezone.now() - jar.last_used_at < timedelta(minutes=1)
