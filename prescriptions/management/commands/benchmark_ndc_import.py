import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from prescriptions.drugs.ndc import importer, synthetic
from prescriptions.models import ImportRun

KIB = 1024


class Command(BaseCommand):
    help = "Import an invented edition into a throw-away database; say time and memory."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rows", type=int, default=200_000)
        parser.add_argument("--controlled-percent", type=int, default=10)
        parser.add_argument("--drugs", type=int, default=5_000)
        parser.add_argument("--most-mebibytes", type=int, default=64)

    def handle(
        self, *args: Any, rows: int, most_mebibytes: int, **options: Any
    ) -> None:
        size = {name: options[name] for name in ["controlled_percent", "drugs"]}
        name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            with tempfile.TemporaryDirectory() as folder:
                run, took, grown = _measure(Path(folder), rows=rows, **size)
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
        self.stdout.write(
            f"{run.counts['product.txt rows']:,} products, {took:.0f} s, "
            f"{rows / took:,.0f} a second, {grown:.0f} MiB more memory."
        )
        if grown > most_mebibytes:
            raise CommandError(f"More than {most_mebibytes} MiB.")


def _measure(edition: Path, **size: int) -> tuple[ImportRun, float, float]:
    """Import a synthetic edition; return the run, seconds and MiB it took."""
    synthetic.write(edition, **size)
    before, start = _peak(), time.monotonic()
    run = importer.run(edition)
    return run, time.monotonic() - start, _peak() - before


def _peak() -> float:
    """Return the peak memory of this process in MiB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB
