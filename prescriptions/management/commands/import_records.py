from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from prescriptions.records.bundles import reader
from providers.models import Practice


class Command(BaseCommand):
    help = (
        "Verify a bundle of another installation and take its records into the archive"
        " of a practice: all of them, or nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bundle", type=Path)
        parser.add_argument("--practice", required=True, help="id of the practice")
        parser.add_argument(
            "--key-thumbprint",
            required=True,
            help="key id that it has to be sealed with, as its installation told you",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            practice = Practice.objects.get(public_id=options["practice"])
        except (Practice.DoesNotExist, ValidationError):
            raise CommandError("No practice has this id.") from None
        try:
            taken = reader.import_bundle(
                options["bundle"],
                practice=practice,
                thumbprint=options["key_thumbprint"],
            )
        except reader.NotImported as problem:
            raise CommandError(str(problem), returncode=1) from None
        self.stdout.write(
            f"{taken.new} prescriptions were imported, {taken.known} were here before."
        )
