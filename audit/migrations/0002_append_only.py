from django.db import migrations

# SQLite first asks the INSERT triggers, because INSERT OR REPLACE deletes the row it
# replaces without asking the DELETE ones.
SQLITE = [
    """
    CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END
    """,
    """
    CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END
    """,
    """
    CREATE TRIGGER audit_event_no_replace BEFORE INSERT ON audit_event
    WHEN EXISTS (
        SELECT 1 FROM audit_event
        WHERE id = NEW.id OR (stream = NEW.stream AND sequence = NEW.sequence)
    )
    BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END
    """,
    """
    CREATE TRIGGER audit_checkpoint_no_update BEFORE UPDATE ON audit_checkpoint
    BEGIN SELECT RAISE(ABORT, 'audit_checkpoint is append-only'); END
    """,
    """
    CREATE TRIGGER audit_checkpoint_no_delete BEFORE DELETE ON audit_checkpoint
    BEGIN SELECT RAISE(ABORT, 'audit_checkpoint is append-only'); END
    """,
    """
    CREATE TRIGGER audit_checkpoint_no_replace BEFORE INSERT ON audit_checkpoint
    WHEN EXISTS (
        SELECT 1 FROM audit_checkpoint WHERE id = NEW.id OR sequence = NEW.sequence
    )
    BEGIN SELECT RAISE(ABORT, 'audit_checkpoint is append-only'); END
    """,
    """
    CREATE TRIGGER audit_chainhead_one_step BEFORE UPDATE ON audit_chainhead
    WHEN NEW.stream <> OLD.stream OR NEW.sequence <> OLD.sequence + 1
    BEGIN SELECT RAISE(ABORT, 'audit_chainhead grows by one'); END
    """,
    """
    CREATE TRIGGER audit_chainhead_no_delete BEFORE DELETE ON audit_chainhead
    BEGIN SELECT RAISE(ABORT, 'audit_chainhead grows by one'); END
    """,
    # IGNORE, because two writers may both start a stream.
    """
    CREATE TRIGGER audit_chainhead_no_replace BEFORE INSERT ON audit_chainhead
    WHEN EXISTS (SELECT 1 FROM audit_chainhead WHERE stream = NEW.stream)
    BEGIN SELECT RAISE(IGNORE); END
    """,
]

POSTGRESQL = [
    """
    CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
    """,
    """
    CREATE FUNCTION audit_refuse_leap() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.stream <> OLD.stream OR NEW.sequence <> OLD.sequence + 1 THEN
            RAISE EXCEPTION '% grows by one', TG_TABLE_NAME;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_event_append_only
    BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()
    """,
    """
    CREATE TRIGGER audit_checkpoint_append_only
    BEFORE UPDATE OR DELETE ON audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()
    """,
    """
    CREATE TRIGGER audit_chainhead_one_step
    BEFORE UPDATE ON audit_chainhead
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_leap()
    """,
    """
    CREATE TRIGGER audit_chainhead_no_delete
    BEFORE DELETE ON audit_chainhead
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()
    """,
    *(
        f"""
        CREATE TRIGGER {table}_no_truncate
        BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change()
        """
        for table in ("audit_event", "audit_checkpoint", "audit_chainhead")
    ),
]


def add_triggers(apps, schema_editor):
    statements = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
    for statement in statements[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    """Not reversible: a record that can be unlocked by a command is not locked."""

    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(add_triggers, elidable=False)]
