from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prescriptions import signer


class Command(BaseCommand):
    help = "Make the first signing key in the configured store; never over another."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            place = signer.create()
        except (signer.KeyExists, signer.SignerUnavailable) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"The signing key is in {place}.")
