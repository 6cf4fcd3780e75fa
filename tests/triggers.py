"""Lift the append-only triggers while the test runner empties the tables.

Production has no such door: this patches the flush of the test runner only.
"""

from django.db.backends.postgresql.operations import (
    DatabaseOperations as PostgreSQLOperations,
)
from django.db.backends.sqlite3.operations import DatabaseOperations as SQLiteOperations


def lift_during_flush() -> None:
    flush_sqlite, flush_postgresql = (
        SQLiteOperations.sql_flush,
        PostgreSQLOperations.sql_flush,
    )

    def sqlite_flush(self, *args, **kwargs):
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        drop = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
        create = [sql for _, sql in triggers]
        return [*drop, *flush_sqlite(self, *args, **kwargs), *create]

    def postgresql_flush(self, *args, **kwargs):
        return [
            "SET session_replication_role = replica",
            *flush_postgresql(self, *args, **kwargs),
            "SET session_replication_role = DEFAULT",
        ]

    SQLiteOperations.sql_flush = sqlite_flush
    PostgreSQLOperations.sql_flush = postgresql_flush
