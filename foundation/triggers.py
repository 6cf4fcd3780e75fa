"""Database triggers that refuse changes, and how migrations set them aside.

SQLite changes a table by rebuilding it, which fails while a trigger of any other table
names it. PostgreSQL needs none of this.
"""

from collections.abc import Iterator
from typing import TypeAlias

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

Rule: TypeAlias = tuple[str, str, str, str, str]

_dropped: list[str] = []  # the SQL of the triggers that are set aside


def _drop(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _dropped.clear()  # left by a migration that was rolled back
    if schema_editor.connection.vendor != "sqlite":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        for name, sql in cursor.fetchall():
            _dropped.append(sql)
            cursor.execute(f'DROP TRIGGER "{name}"')


def _restore(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        while _dropped:
            cursor.execute(_dropped.pop(), None)


def set_aside(*operations: Operation) -> list[Operation]:
    """Return the operations between dropping all triggers and restoring them."""
    before = migrations.RunPython(_drop, _restore)
    after = migrations.RunPython(_restore, _drop)
    return [before, *operations, after]


def guards(*rules: Rule) -> migrations.RunPython:
    """Return the operation that makes the database refuse what each rule names.

    A rule is (table, what holds, event, refused condition, message) and replaces a rule
    of the same name. `{differs}` in a condition is IS DISTINCT FROM. It cannot be
    reversed: a record that a command unlocks is not locked.
    """

    def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        vendor = schema_editor.connection.vendor
        differs, statements = {
            "sqlite": ("IS NOT", _on_sqlite),
            "postgresql": ("IS DISTINCT FROM", _on_postgresql),
        }[vendor]
        for table, holds, event, condition, message in rules:
            refused = condition.format(differs=differs)
            for statement in statements(table, holds, event, refused, message):
                schema_editor.execute(statement, params=None)

    return migrations.RunPython(create, elidable=False)


def kept(table: str, *unique: str) -> list[Rule]:
    """Return the rules of a table whose rows are never deleted or replaced."""
    same = " OR ".join(f"kept.{name} = NEW.{name}" for name in unique)
    twice = f"EXISTS (SELECT 1 FROM {table} kept WHERE {same})"  # noqa: S608
    return [
        (table, "kept", "DELETE", "1 = 1", f"{table} is kept"),
        # On SQLite, INSERT OR REPLACE deletes without asking a DELETE trigger.
        (table, "never_replaced", "INSERT", twice, f"{table} is never replaced"),
    ]


def changed(*columns: str) -> str:
    """Return the condition that any of these columns changes in an UPDATE."""
    return " OR ".join(f"OLD.{name} {{differs}} NEW.{name}" for name in columns)


def _on_sqlite(
    table: str, holds: str, event: str, condition: str, message: str
) -> Iterator[str]:
    yield f"DROP TRIGGER IF EXISTS {table}_{holds}"
    yield (
        f"CREATE TRIGGER {table}_{holds} BEFORE {event} ON {table} WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def _on_postgresql(
    table: str, holds: str, event: str, condition: str, message: str
) -> Iterator[str]:
    if holds == "never_replaced":  # only SQLite has INSERT OR REPLACE
        return
    name, row = f"{table}_{holds}", "OLD" if event == "DELETE" else "NEW"
    refuse = (
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation';"
    )
    yield (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF {condition} THEN {refuse} END IF; RETURN {row}; END $$"
    )
    yield (
        f"CREATE OR REPLACE TRIGGER {name} BEFORE {event} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
    if event == "DELETE":
        yield (
            f"CREATE OR REPLACE FUNCTION {name}_whole() RETURNS trigger "
            f"LANGUAGE plpgsql AS $$ BEGIN {refuse} END $$"
        )
        yield (
            f"CREATE OR REPLACE TRIGGER {name}_whole BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}_whole()"
        )
