"""Makes an installation ready: tables, static files, the first administrator, the first API key. Repeatable."""

import fcntl
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.backends.utils import CursorWrapper

from accounts import keys
from accounts.models import ApiKey, Scope, User
from jobs import queries
from jobs.engine import ffmpeg
from jobs.management.commands.collect import build_manual, collect_static_files

SHORTEST_KEY = 16
SETUP_LOCK = 0x7365747570  # any number that no other advisory lock of this database uses
LOCK_POLL_SECONDS = 0.2
ENVIRONMENT_KEY = "API_KEY of the environment"


class Command(BaseCommand):
    help = "Migrate, collect static files, create the first administrator and API key, and say how to sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.API_KEY and len(settings.API_KEY) < SHORTEST_KEY:
            raise CommandError(f"API_KEY is too short: give at least {SHORTEST_KEY} characters, or leave it empty.")
        with one_at_a_time():
            call_command("migrate", interactive=False, verbosity=0)
            password = first_administrator()
            key = first_api_key()
        collect_static_files()
        build_manual()
        for line in welcome(password=password, key=key):
            self.stdout.write(line)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Alone in the whole installation: several hosts may start at the same moment, and migrations know no other.

    Who waits asks again and again: a statement that waits is a transaction, and an index made beside those waits for
    all of them to end.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            while not _locks(cursor):
                time.sleep(LOCK_POLL_SECONDS)
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [SETUP_LOCK])
        return
    with (Path(settings.STORAGE_DIR) / ".setup-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _locks(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [SETUP_LOCK])
    return bool(cursor.fetchone()[0])


def first_administrator() -> str:
    """Create the administrator if there is none. Returns a generated password, else an empty string."""
    if User.objects.filter(is_superuser=True).exists():
        return ""
    _refuse_in_production("ADMIN_PASSWORD", "there is no administrator yet")
    password = settings.ADMIN_PASSWORD or secrets.token_urlsafe(12)
    User.objects.create_superuser(settings.ADMIN_USERNAME, password=password)
    return "" if settings.ADMIN_PASSWORD else password


def first_api_key() -> str:
    """Make sure that there is a key. Returns a generated one, else an empty string."""
    owner = User.objects.filter(is_superuser=True).order_by("id").first()
    if owner is None:
        raise CommandError("There is no administrator to own the first API key.")
    ApiKey.objects.filter(name=ENVIRONMENT_KEY).exclude(digest=keys.digest(settings.API_KEY)).delete()
    if settings.API_KEY:
        if not ApiKey.objects.filter(digest=keys.digest(settings.API_KEY)).exists():
            keys.issue(owner, ENVIRONMENT_KEY, scopes=[Scope.ADMIN], secret=settings.API_KEY)
        return ""
    if ApiKey.objects.exists() or (settings.IS_PRODUCTION and not settings.REQUIRE_API_KEY):
        return ""
    _refuse_in_production("API_KEY", "there is no API key yet, and REQUIRE_API_KEY is true")
    return keys.issue(owner, "first key", scopes=[Scope.ADMIN]).secret


def welcome(*, password: str, key: str) -> list[str]:
    """The lines that tell where the service is and how to get in."""
    address = settings.PUBLIC_URL or f"http://localhost:{settings.PORT}"
    tools = queries.tools()
    return [
        "",
        f"{settings.APP_NAME} {settings.VERSION}",
        f"  Dashboard  {address}/",
        f"  Sign in    as {settings.ADMIN_USERNAME}, {_password_line(password)}",
        f"  API        {address}/api/v1/   docs: {address}/docs",
        f"  API key    {_key_line(key)}",
        f"  Database   {connection.vendor}: {connection.settings_dict['NAME']}",
        f"  Files      {settings.STORAGE}",
        f"  ffmpeg     {ffmpeg.describe(tools)}",
        "",
    ]


def _refuse_in_production(name: str, why: str) -> None:
    """In production no secret is made up here and printed. Raises CommandError unless it is given."""
    if settings.IS_PRODUCTION and not getattr(settings, name):
        raise CommandError(f"{name} must be given in production: {why} (scripts/new-secrets prints fresh ones).")


def _password_line(password: str) -> str:
    if password:
        return f"password {password}   (shown this once)"
    if settings.ADMIN_PASSWORD:
        return "password as ADMIN_PASSWORD said on the first start"
    return f"password as shown on the first start; a new one: manage.py changepassword {settings.ADMIN_USERNAME}"


def _key_line(key: str) -> str:
    if key:
        return f"{key}   (shown this once)"
    return "as API_KEY says" if settings.API_KEY else "as shown on the first start; more keys in the admin"
