from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prescriptions.drugs import formulary


class Command(BaseCommand):
    help = "Load the controlled drugs that come with the portal; safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = formulary.load()
        except formulary.NotConsistent as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"The formulary holds {count} products.")
