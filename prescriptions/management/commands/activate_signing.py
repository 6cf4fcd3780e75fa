from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prescriptions import signer


class Command(BaseCommand):
    help = "Let the signing key be unlocked again after deactivate_signing."

    def handle(self, *args: Any, **options: Any) -> None:
        was_locked = signer.activate()
        if problems := signer.check_health():
            raise CommandError(" ".join(problems))
        done = "may be unlocked again" if was_locked else "was not locked away"
        self.stdout.write(f"The signing key {done}, and it signs.")
