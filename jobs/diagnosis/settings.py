"""What an operator has chosen, and the files that secrets are kept in."""

import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

from jobs.diagnosis.finding import Finding, error, fine, warning

MENDS = dict.fromkeys(
    ("security.W012", "security.W016"), "Set PUBLIC_URL to an address that starts with https://; cookies follow it."
)
LOCAL = {"localhost", "127.0.0.1", "::1"}


def choices() -> Iterator[Finding]:
    """Settings that open more than most installations want."""
    if settings.DEBUG:
        yield error("settings", "DEBUG shows the inside of the service to everybody.", "Set DEBUG=false.")
    if not settings.REQUIRE_API_KEY:
        yield warning("settings", "The API is open to callers without a key.", "Set REQUIRE_API_KEY=true.")
    if settings.ALLOW_PRIVATE_ADDRESSES:
        told = "Downloads and webhooks may reach this machine and the private network."
        yield warning("settings", told, "Set ALLOW_PRIVATE_ADDRESSES=false; list exceptions in EGRESS_ALLOW.")
    if "*" in settings.ALLOWED_HOSTS:
        told = "The service answers to any host name, which helps those who forge links."
        yield warning("settings", told, "List the names in ALLOWED_HOSTS.")
    if not settings.FILE_RETENTION_HOURS:
        told = "Results are kept for ever: the disk fills up."
        yield warning("settings", told, "Set FILE_RETENTION_HOURS, or watch the free space.")
    yield from _address()


def _address() -> Iterator[Finding]:
    address = urlsplit(settings.PUBLIC_URL)
    if not settings.PUBLIC_URL:
        told = "PUBLIC_URL is unset: links in webhooks name the host that each caller used."
        yield warning("address", told, "Set PUBLIC_URL to the address that people reach the service at.")
    elif address.scheme == "http" and address.hostname not in LOCAL:
        told = "PUBLIC_URL is plain http: passwords and keys travel in the open."
        yield warning("address", told, "Put a proxy with TLS in front, and set PUBLIC_URL=https://….")
    else:
        yield fine("address", settings.PUBLIC_URL)


def secrets() -> Iterator[Finding]:
    """Files that only the service's own user may read."""
    directory = Path(settings.STORAGE_DIR) / "secrets"
    paths = [settings.STORAGE_DIR, *(directory.iterdir() if directory.is_dir() else [])]
    open_ones = [path for path in map(Path, paths) if _is_open(path)]
    for path in open_ones:
        mode = "700" if path.is_dir() else "600"
        yield error("secrets", f"{path} can be read by other users of this machine.", f"chmod {mode} {path}")
    if not open_ones:
        yield fine("secrets", "readable by the service's own user only")


def _is_open(path: Path) -> bool:
    """A directory that others may list or write to, a file that they may do anything with."""
    mode = path.stat().st_mode
    return bool(mode & (stat.S_IROTH | stat.S_IWOTH if path.is_dir() else stat.S_IRWXG | stat.S_IRWXO))


def framework() -> Iterator[Finding]:
    """Django's own checks, those for production too."""
    found = [one for one in checks.run_checks(include_deployment_checks=True) if not one.is_silenced()]
    for one in found:
        make = error if one.level >= checks.ERROR else warning
        mend = MENDS.get(one.id or "", str(one.hint or "See Django's documentation of this check."))
        yield make(f"django {one.id}", str(one.msg), mend)
    if not found:
        yield fine("django", "no complaints")
