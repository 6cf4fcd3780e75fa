import json
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from audit import checkpoints


class Command(BaseCommand):
    help = "Seal the head of every chain of the record. Keep the file elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--output",
            type=Path,
            metavar="FILE",
            help="a new file for the checkpoint as JSON; without it, standard output",
        )

    def handle(self, *args: Any, **options: Any) -> str:
        if options["output"] and options["output"].exists():
            raise CommandError(f"{options['output']} exists; name a new file.")
        try:
            checkpoint = checkpoints.make()
        except (checkpoints.NotCheckpointed, DatabaseError) as refusal:
            raise CommandError(f"No checkpoint made. {refusal}") from None
        text = json.dumps(checkpoints.as_fields(checkpoint), indent=1)
        if not options["output"]:
            return text
        with options["output"].open("x") as file:
            file.write(f"{text}\n")
        return f"{checkpoint} is in {options['output']}. Keep it elsewhere."
