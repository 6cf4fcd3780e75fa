"""Guards of the database that stand aside while a migration rebuilds a table.

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
