"""The database, its tables, the cache, and whether what is stored encrypted can be read."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.models import CookieJar
from accounts.vault import CannotDecrypt
from jobs.diagnosis.finding import Finding, error, fine, warning
from jobs.models import WebhookEndpoint

LOOKED_AT = 20
CLOCK_SECONDS = 2.0


def connection_works() -> Iterator[Finding]:
    """Whether the database answers."""
    name = f"{connection.vendor} {connection.settings_dict['NAME']}"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as trouble:
        told = f"{name} does not answer: {str(trouble).splitlines()[0] if str(trouble) else type(trouble).__name__}"
        yield error("database", told, "Start the database, and check DATABASE_URL: host, port, name, user, password.")
        return
    yield fine("database", name)


def tables_are_current() -> Iterator[Finding]:
    """Whether the tables are those of this version."""
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        names = ", ".join(f"{migration.app_label} {migration.name}" for migration, _ in waiting[:5])
        yield error("migrations", f"{len(waiting)} are missing: {names}.", "manage.py migrate")
    else:
        yield fine("migrations", "all are made")


def cache_works() -> Iterator[Finding]:
    """Whether the cache keeps what it is given: rate limits and sign-in limits live in it."""
    mark = timezone.now().isoformat()
    mend = "Check REDIS_URL and whether Redis runs." if settings.REDIS_URL else "manage.py migrate"
    try:
        cache.set("doctor", mark, 60)
        works = cache.get("doctor") == mark
    except (Error, OSError) as trouble:
        yield error("cache", f"It does not answer ({type(trouble).__name__}).", mend)
        return
    yield fine("cache", "keeps what it is given") if works else error("cache", "It forgets at once.", mend)


def clock() -> Iterator[Finding]:
    """Leases of workers on several hosts are judged by their clocks."""
    if connection.vendor != "postgresql":
        yield fine("clock", "one machine")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        theirs: datetime = cursor.fetchone()[0]
    apart = abs((timezone.now() - theirs).total_seconds())
    if apart > CLOCK_SECONDS:
        told = f"This machine's clock and the database's are {apart:.0f} seconds apart: workers take jobs from others."
        yield error("clock", told, "Run chrony or systemd-timesyncd on both.")
    else:
        yield fine("clock", "as the database's")


def encryption() -> Iterator[Finding]:
    """Whether the newest secrets can be read with ENCRYPTION_KEYS."""
    mend = "Put the key that they were encrypted with back into ENCRYPTION_KEYS, or have their owners store them anew."
    broken = 0
    jars = CookieJar.objects.order_by("-id").values_list("content", flat=True)[:LOOKED_AT]
    endpoints = WebhookEndpoint.objects.order_by("-id").values_list("secret", flat=True)[:LOOKED_AT]
    sealed = [*jars, *endpoints]
    for one in sealed:
        try:
            one.reveal()
        except CannotDecrypt:
            broken += 1
    if broken:
        yield error("encryption", f"{broken} of {len(sealed)} stored secrets cannot be decrypted.", mend)
    else:
        yield fine("encryption", f"{len(sealed)} stored secrets can be read")
    if len(settings.ENCRYPTION_KEYS) > 1:
        told = f"There are {len(settings.ENCRYPTION_KEYS)} keys: a change that is not finished."
        yield warning("encryption", told, "manage.py rotate_cookie_keys, then drop all but the first of them.")
