"""`manage.py rotate_cookie_keys`: put cookies, webhook secrets and the like under the first of ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import rotation


class Command(BaseCommand):
    help = (
        "Encrypts everything that is stored encrypted under the first of ENCRYPTION_KEYS, so that the keys behind it "
        "can be dropped. May be interrupted, and run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = 0
        for report in rotation.rotate():
            unreadable += report.unreadable
            self.stdout.write(
                f"{report.column}: {report.renewed} encrypted anew, {report.current} were under the first key already, "
                f"{report.unreadable} unreadable"
            )
        if unreadable:
            raise CommandError(
                f"{unreadable} rows are under none of ENCRYPTION_KEYS and stay as they are. Add the key that they "
                "need, or have their owners store them anew."
            )
        self.stdout.write(
            "The keys behind the first one are not needed any more, once every process has been "
            "started with the new list."
        )
