from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from prescriptions import signer


class Command(BaseCommand):
    help = "Lock the signing key away: nothing is signed until activate_signing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reason", help="why, for the record and the status page")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        signer.deactivate(reason=reason)
        self.stdout.write("The signing key is locked away. Nothing is signed.")
