from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prescriptions import signer


class Command(BaseCommand):
    help = "Make a new signing key and retire the old one; its signatures still verify."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = signer.rotate()
        except signer.SignerUnavailable as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"The key {key.kid} signs from now on.")
