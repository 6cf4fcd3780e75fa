"""Change rows as somebody who owns the database: no trigger stands in the way."""

from django.db import connection

from tests.database import as_owner


def tamper(model, **values):
    """Write into every row of a model, and leave its guards lifted for this test."""
    with as_owner(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Constraints checked at the end of a transaction would stand in the way.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
        else:
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                f" AND tbl_name = '{model._meta.db_table}'"
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP TRIGGER "{name}"')
        model.objects.update(**values)


def forget(model):
    """Empty a table as if this were another database."""
    tamper(model)
    with as_owner():
        model.objects.all()._raw_delete("default")
