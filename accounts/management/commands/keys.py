"""`manage.py keys create|revoke|list`: API keys from the shell. A new key's secret is printed once."""

from datetime import timedelta
from typing import Any

from django.core.management import CommandError
from django.core.management.base import CommandParser
from django.utils import timezone

from accounts import audit, keys
from accounts.management.reports import ReportingCommand, age, table
from accounts.models import ApiKey, Scope, User

COLUMNS = ("id", "prefix", "name", "owner", "scopes", "is_usable", "last_used_at", "expires_at", "revoked_at")


class Command(ReportingCommand):
    help = "Create, revoke and list API keys."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="create|revoke|list")
        create = verbs.add_parser("create", help="issue a key and print its secret, this once")
        create.add_argument("owner", help="name of the user whose key it is")
        create.add_argument("name", help="what it is used for")
        create.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            help="may be given several times; read and write unless told",
        )
        create.add_argument("--expires-in", type=age, help="how long it works, such as 90d; for ever unless told")
        revoke = verbs.add_parser("revoke", help="have keys stop working at once")
        revoke.add_argument("key", nargs="+", help="a key's id or its prefix, as `keys list` shows them")
        listing = verbs.add_parser("list", help="list keys, the newest first")
        listing.add_argument("--owner", default="", help="of the user of this name")
        listing.add_argument("--usable", action="store_true", help="neither revoked nor expired")
        for one in (create, revoke, listing):
            self.add_json_option(one)

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        {"create": self._create, "revoke": self._revoke, "list": self._list}[verb](options)

    def _create(self, options: dict[str, Any]) -> None:
        owner = _user(options["owner"])
        lasts: timedelta | None = options["expires_in"]
        issued = keys.issue(
            owner,
            options["name"][:100],
            scopes=options["scope"] or (Scope.READ, Scope.WRITE),
            expires_at=timezone.now() + lasts if lasts else None,
        )
        audit.record(audit.at_the_shell(), "create", "API key", [str(issued.key)], details=f"for {owner}")
        document = {**_row(issued.key), "secret": issued.secret}
        lines = [issued.secret, "Copy it now: it cannot be shown again."]
        self.report(document, lines, as_json=options["json"])

    def _revoke(self, options: dict[str, Any]) -> None:
        found = [_key(name) for name in options["key"]]
        usable = [key for key in found if key.revoked_at is None]
        for key in usable:
            keys.revoke(key)
        refusals = [f"{key} is revoked already." for key in found if key.revoked_at is not None]
        audit.record(audit.at_the_shell(), "revoke", "API key", [str(key) for key in usable], refusals=refusals)
        document = {"revoked": [key.pk for key in usable], "left": len(refusals), "reasons": refusals}
        self.report(document, [f"Revoked {len(usable)}.", *refusals], as_json=options["json"])

    def _list(self, options: dict[str, Any]) -> None:
        found = ApiKey.objects.select_related("owner")
        if options["owner"]:
            found = found.filter(owner=_user(options["owner"]))
        rows = [_row(key) for key in found if key.is_usable() or not options["usable"]]
        self.report(rows, table(rows, COLUMNS), as_json=options["json"])


def _user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is nobody of the name {name}. Create users in the admin, or with createsuperuser.")
    return user


def _key(name: str) -> ApiKey:
    """By id or prefix. A prefix that several keys have is none to revoke by."""
    by = {"pk": int(name)} if name.isascii() and name.isdigit() else {"prefix": name}
    found = list(ApiKey.objects.filter(**by)[:2])
    if len(found) != 1:
        raise CommandError(f"There {'is no key' if not found else 'are several keys'} {name!r}. See keys list.")
    return found[0]


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.pk,
        "prefix": key.prefix,
        "name": key.name,
        "owner": key.owner.get_username(),
        "scopes": key.scopes,
        "is_usable": key.is_usable(),
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
