from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from prescriptions.drugs.ndc import importer
from prescriptions.drugs.ndc.files import NotReadable
from prescriptions.models import ImportRun


class Command(BaseCommand):
    help = (
        "Import FDA's NDC directory from its zip or a folder with product.txt and "
        "package.txt. Killed in the middle, it goes on when run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument(
            "--may-retire-most",
            action="store_true",
            help="go on when more than half of the products are missing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = importer.run(
                options["path"],
                may_retire_most=options["may_retire_most"],
                progress=self._show,
            )
        except (
            NotReadable,
            importer.ImportStopped,
            importer.AnotherImportRuns,
        ) as problem:
            raise CommandError(str(problem)) from None
        for name, count in sorted(run.counts.items()):
            self.stdout.write(f"{count:>9,} {name}")
        for row in run.refused_rows.all()[:20]:
            self.stderr.write(str(row))
        self.stdout.write(f"{run.source} is imported (run {run.pk}).")

    def _show(self, run: ImportRun) -> None:
        self.stdout.write(f"{run.get_stage_display()}: {run.percent}%", ending="\n")
