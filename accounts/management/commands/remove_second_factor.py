"""`manage.py remove_second_factor NAME`: for who lost the app that makes the codes."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from accounts import second_factor
from accounts.models import User


class Command(BaseCommand):
    help = "Turn one-time codes off for somebody who cannot make any more."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="as the person signs in")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is nobody of the name {name}.")
        told = "One-time codes are off." if second_factor.turn_off(user) else "There were none."
        self.stdout.write(told)
