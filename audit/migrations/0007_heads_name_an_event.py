from django.db import migrations

# A head moves on over events that are there, without a gap: the first of them follows
# the old head, and the last is the new one.
REFUSED = """
NEW.stream <> OLD.stream OR NEW.sequence <= OLD.sequence OR NOT EXISTS (
    SELECT 1 FROM audit_event
    WHERE stream = OLD.stream AND sequence = OLD.sequence + 1
    AND previous_hash = OLD.hash
) OR NOT EXISTS (
    SELECT 1 FROM audit_event
    WHERE stream = NEW.stream AND sequence = NEW.sequence AND hash = NEW.hash
) OR NEW.sequence - OLD.sequence <> (
    SELECT COUNT(*) FROM audit_event
    WHERE stream = OLD.stream
    AND sequence > OLD.sequence AND sequence <= NEW.sequence
)
"""
SQLITE = [
    "DROP TRIGGER audit_chainhead_one_step",
    f"""
    CREATE TRIGGER audit_chainhead_names_an_event BEFORE UPDATE ON audit_chainhead
    WHEN {REFUSED}
    BEGIN SELECT RAISE(ABORT, 'audit_chainhead names the newest event'); END
    """,
]
POSTGRESQL = [
    f"""
    CREATE OR REPLACE FUNCTION audit_refuse_leap() RETURNS trigger
    LANGUAGE plpgsql AS $$
    BEGIN
        IF {REFUSED} THEN
            RAISE EXCEPTION '% names the newest event', TG_TABLE_NAME;
        END IF;
        RETURN NEW;
    END $$
    """,
    "ALTER TRIGGER audit_chainhead_one_step ON audit_chainhead"
    " RENAME TO audit_chainhead_names_an_event",
]


def replace_guard(apps, schema_editor):
    statements = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
    for statement in statements[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    """Several events of one transaction move a head once, and only to one of them."""

    dependencies = [("audit", "0006_changed_in_transit")]
    operations = [migrations.RunPython(replace_guard, elidable=False)]
