"""Lift the append-only triggers while the test runner empties the tables.

Production has no such door: this patches the flush of the test runner only.
"""

from django.db import connection


def lift_during_flush() -> None:
    operations = type(connection.ops)
    flush = operations.sql_flush

    def lifted(self, *args, **kwargs):
        before, after = LIFTS[connection.vendor]()
        return [*before, *flush(self, *args, **kwargs), *after]

    operations.sql_flush = lifted


def _lift_on_sqlite() -> tuple[list[str], list[str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
    return [f'DROP TRIGGER "{name}"' for name, _ in triggers], [
        sql for _, sql in triggers
    ]


def _lift_on_postgresql() -> tuple[list[str], list[str]]:
    return (
        ["SET session_replication_role = replica"],
        ["SET session_replication_role = DEFAULT"],
    )


LIFTS = {"sqlite": _lift_on_sqlite, "postgresql": _lift_on_postgresql}
