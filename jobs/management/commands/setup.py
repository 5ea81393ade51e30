"""Makes an installation ready: tables, static files, the first administrator, the first API key. Repeatable."""

import fcntl
import hashlib
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import connection

from accounts import keys
from accounts.models import ApiKey, Scope, User
from jobs import queries
from jobs.engine import ffmpeg

SHORTEST_KEY = 16
ENVIRONMENT_KEY = "API_KEY of the environment"
STATIC_STAMP = ".collected"
NEVER_SERVED = ["swagger-ui-es-bundle*", "swagger-ui.js", "swagger-ui.js.map"]


class Command(BaseCommand):
    help = "Migrate, collect static files, create the first administrator and API key, and say how to sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.API_KEY and len(settings.API_KEY) < SHORTEST_KEY:
            raise CommandError(f"API_KEY is too short: give at least {SHORTEST_KEY} characters, or leave it empty.")
        call_command("migrate", interactive=False, verbosity=0)
        collect_static_files()
        password = first_administrator()
        key = first_api_key()
        for line in welcome(password=password, key=key):
            self.stdout.write(line)


def collect_static_files() -> None:
    """Collect and compress the pages' files, unless nothing changed since the last time."""
    root = Path(settings.STATIC_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    stamp = root / STATIC_STAMP
    state = _static_state()
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another start may be collecting right now
        if not stamp.is_file() or stamp.read_text(encoding="ascii") != state:
            call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=NEVER_SERVED)
            stamp.write_text(state, encoding="ascii")


def first_administrator() -> str:
    """Create the administrator if there is none. Returns a generated password, else an empty string."""
    if User.objects.filter(is_superuser=True).exists():
        return ""
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
    if ApiKey.objects.exists():
        return ""
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
        f"  Files      {settings.FILES_DIR}",
        f"  ffmpeg     {ffmpeg.describe(tools)}",
        "",
    ]


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


def _static_state() -> str:
    """A digest of every static file's name, size and time."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name}:{stat.st_size}:{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
