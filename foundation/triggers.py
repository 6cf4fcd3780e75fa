"""Guards of the database: how they are written, and how they stand aside meanwhile.

SQLite changes a table by making it anew, which fails while a trigger of any other table
names it. PostgreSQL needs none of this.
"""

from django.db import migrations

_aside: list[str] = []


def _take_away(apps, schema_editor) -> None:
    _aside.clear()  # what a migration that was rolled back has left
    if schema_editor.connection.vendor != "sqlite":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        for name, sql in cursor.fetchall():
            _aside.append(sql)
            cursor.execute(f'DROP TRIGGER "{name}"')


def _put_back(apps, schema_editor) -> None:
    with schema_editor.connection.cursor() as cursor:
        while _aside:
            cursor.execute(_aside.pop(), None)


def set_aside(*operations) -> list:
    """Return the operations of a migration between taking triggers away and back."""
    before = migrations.RunPython(_take_away, _put_back)
    after = migrations.RunPython(_put_back, _take_away)
    return [before, *operations, after]


def guards(*rules: tuple[str, str, str, str, str]) -> migrations.RunPython:
    """Return the operation that has the database refuse what each rule names.

    A rule is (table, what holds, event, condition that is refused, message); one of
    the same name is replaced. `{differs}` in a condition is IS DISTINCT FROM. Not to be
    undone: a record that a command unlocks is not locked.
    """

    def create(apps, schema_editor) -> None:
        vendor = schema_editor.connection.vendor
        differs, written = {
            "sqlite": ("IS NOT", _on_sqlite),
            "postgresql": ("IS DISTINCT FROM", _on_postgresql),
        }[vendor]
        for table, holds, event, condition, message in rules:
            refused = condition.format(differs=differs)
            for statement in written(table, holds, event, refused, message):
                schema_editor.execute(statement, params=None)

    return migrations.RunPython(create, elidable=False)


def kept(table: str, *unique: str) -> list[tuple[str, str, str, str, str]]:
    """Return the rules of a table whose rows are never removed or put in twice."""
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


def _on_sqlite(table, holds, event, condition, message):
    yield f"DROP TRIGGER IF EXISTS {table}_{holds}"
    yield (
        f"CREATE TRIGGER {table}_{holds} BEFORE {event} ON {table} WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def _on_postgresql(table, holds, event, condition, message):
    if holds == "never_replaced":  # SQLite alone has INSERT OR REPLACE
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
