from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from prescriptions import signer


class Command(BaseCommand):
    help = "Write a new encrypted signing key to SIGNING_KEY_FILE; never over another."
    requires_system_checks = []

    def handle(self, *args, **options):
        path = Path(settings.SIGNING_KEY_FILE)
        if not settings.SIGNING_KEY_PASSPHRASE:
            raise CommandError("Set SIGNING_KEY_PASSPHRASE first.")
        try:
            signer.create(path, passphrase=settings.SIGNING_KEY_PASSPHRASE)
        except FileExistsError:
            raise CommandError(f"{path} exists and is kept.") from None
        except OSError as problem:
            raise CommandError(f"{path} cannot be written: {problem}.") from None
        self.stdout.write(f"The signing key is in {path}, readable by its owner only.")
