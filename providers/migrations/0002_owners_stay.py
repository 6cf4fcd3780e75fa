"""A right, a registration and a licence stay with whom they were given to.

21 CFR 1311.125: nobody comes to sign by a change of whom a row is about.
"""

from django.db import migrations

OWNED = {
    "providers_provider": ["public_id", "user_id"],
    "providers_dearegistration": ["public_id", "provider_id"],
    "providers_statelicense": ["provider_id"],
    "providers_accessgrant": ["public_id", "provider_id", "granted_by_id", "granted_at"],
    "providers_membership": ["user_id", "practice_id"],
}
MESSAGE = "this stays with whom it was given to"


def on_sqlite(table, columns):
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
    yield (
        f"CREATE TRIGGER {table}_owner_stays BEFORE UPDATE ON {table} "
        f"WHEN {changed} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    )


def on_postgresql(table, columns):
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in columns)
    name = f"{table}_owner_stays"
    yield (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {changed} THEN RAISE EXCEPTION '{MESSAGE}' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
    )
    yield (
        f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


def create(apps, schema_editor):
    written = {"sqlite": on_sqlite, "postgresql": on_postgresql}
    for table, columns in OWNED.items():
        for statement in written[schema_editor.connection.vendor](table, columns):
            schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    """Not reversible: a right that can be unlocked by a command is not locked."""

    dependencies = [("providers", "0001_initial")]
    operations = [migrations.RunPython(create, elidable=False)]
