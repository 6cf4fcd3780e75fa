import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from prescriptions.drugs.ndc import importer, synthetic

KIB = 1024


class Command(BaseCommand):
    help = "Import an invented edition into a throw-away database; say time and memory."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rows", type=int, default=200_000)
        parser.add_argument("--controlled-percent", type=int, default=10)
        parser.add_argument("--drugs", type=int, default=5_000)
        parser.add_argument("--most-mebibytes", type=int, default=64)

    def handle(
        self,
        *args: Any,
        rows: int,
        controlled_percent: int,
        drugs: int,
        most_mebibytes: int,
        **options: Any,
    ) -> None:
        name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            with tempfile.TemporaryDirectory() as folder:
                edition = Path(folder)
                synthetic.write(
                    edition,
                    rows=rows,
                    controlled_percent=controlled_percent,
                    drugs=drugs,
                )
                before, start = _peak(), time.monotonic()
                run = importer.run(edition)
                took, grown = time.monotonic() - start, _peak() - before
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
        self.stdout.write(
            f"{run.counts['product.txt rows']:,} products, {took:.0f} s, "
            f"{rows / took:,.0f} a second, {grown:.0f} MiB more memory."
        )
        if grown > most_mebibytes:
            raise CommandError(f"More than {most_mebibytes} MiB.")


def _peak() -> float:
    """Return the peak memory of this process in MiB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB
