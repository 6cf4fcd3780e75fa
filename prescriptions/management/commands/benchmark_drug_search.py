import itertools
import statistics
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from prescriptions.drugs import search
from prescriptions.drugs.ndc import synthetic
from prescriptions.models import Drug

QUERIES = ["oxyco 5", "o", "tablet", "tablet 5", "zolpidem", "hydro 10 mg er"]
QUERIES += ["5 mg", "t 1", "alpraz 0.5 tablet", "nothing like it", "10000-0001-01"]
TIMES = 20
AT_ONCE = 1_000


class Command(BaseCommand):
    help = "Search among many drugs in a throw-away database; say how long it takes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--drugs", type=int, default=100_000)
        parser.add_argument("--most-milliseconds", type=int, default=100)

    def handle(
        self, *args: Any, drugs: int, most_milliseconds: int, **options: Any
    ) -> None:
        name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            _fill(drugs)
            medians = {query: _median(query) for query in QUERIES}
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
        for query, milliseconds in medians.items():
            self.stdout.write(f"{milliseconds:>7.1f} ms  {query}")
        if max(medians.values()) > most_milliseconds:
            raise CommandError(f"One takes more than {most_milliseconds} ms.")


def _fill(count: int) -> None:
    left = itertools.islice(synthetic.names(), count)
    while names := list(itertools.islice(left, AT_ONCE)):
        drugs = Drug.objects.bulk_create(
            Drug(
                name=f"{name} {strength} {form}",
                substance=name.lower(),
                strength=strength,
                form=form,
                schedule="II",
                unit="tablet",
                unit_code="C48542",
            )
            for name, strength, form in names
        )
        search.index(drugs)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _median(query: str) -> float:
    taken = []
    for _ in range(TIMES):
        start = time.perf_counter()
        search.find(query)
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)
