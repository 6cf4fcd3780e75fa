from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prescriptions import verification
from prescriptions.models import SignedRecord


class Command(BaseCommand):
    help = "Check each signed prescription against its signature, rows and message."

    def handle(self, *args: Any, **options: Any) -> None:
        if bad := next(verification.problems(), None):
            raise CommandError(bad, returncode=1)
        count = SignedRecord.objects.count()
        self.stdout.write(f"{count} signed prescriptions verified.")
