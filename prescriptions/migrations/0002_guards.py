"""What no code path may do, the database refuses (21 CFR 1311.120(b)(10)-(19))."""

from django.db import migrations

TRANSITIONS = {
    "draft": ["ready", "discarded", "printed"],
    "ready": ["draft", "signed", "discarded", "printed"],
    "signed": ["queued", "cancelled"],
    "queued": ["transmitted", "failed", "cancelled"],
    "transmitted": ["delivered", "failed"],
    "failed": ["printed"],
}
PRESCRIPTION = "prescriptions_prescription"
RECORD = "prescriptions_signedrecord"
TRANSMISSION = "prescriptions_transmission"
KEY = "prescriptions_signingkey"
CONTENT = [
    "id", "public_id", "practice_id", "patient_id", "prescriber_id", "prepared_by_id",
    "dea_registration_id", "drug_id", "schedule", "quantity", "days_supply", "refills",
    "directions", "note", "substitutions_allowed", "earliest_fill_on", "pharmacy_id",
    "created_at",
]  # fmt: skip
READY = ["ready_digest", "ready_at", "ready_by_id"]
SIGNATURE = [*READY, "issued_on", "signed_at", "version"]
MESSAGE = ["id", "public_id", "prescription_id", "message_id", "xml", "created_at"]
ANSWERED = {
    "transmitted": ["transmitted", "delivered"],
    "delivered": ["delivered"],
    "failed": ["failed"],
}
UNIQUE = {
    PRESCRIPTION: ["id", "public_id"],
    RECORD: ["id", "public_id", "prescription_id"],
    TRANSMISSION: ["id", "public_id", "prescription_id", "message_id"],
    KEY: ["id", "kid"],
}


def guards(differs):
    """Yield (table, what holds, event, condition that is refused, message)."""

    def changed(columns):
        return " OR ".join(f"OLD.{name} {differs} NEW.{name}" for name in columns)

    allowed = " OR ".join(
        f"(OLD.status = '{before}' AND NEW.status IN ({quoted(after)}))"
        for before, after in TRANSITIONS.items()
    )
    yield (
        PRESCRIPTION, "starts_as_a_draft", "INSERT",
        "NEW.status <> 'draft'", "a prescription starts as a draft",
    )  # fmt: skip
    yield (
        PRESCRIPTION, "takes_allowed_steps", "UPDATE",
        f"OLD.status <> NEW.status AND NOT ({allowed})",
        "this change of status is not allowed",
    )  # fmt: skip
    yield (
        PRESCRIPTION, "frozen_while_ready", "UPDATE",
        "OLD.status = 'ready' AND NEW.status IN ('ready', 'signed')"
        f" AND ({changed([*CONTENT, *READY])})",
        "a prescription that is ready to sign is not changed",
    )  # fmt: skip
    yield (
        PRESCRIPTION, "frozen_once_signed_or_given_up", "UPDATE",
        "OLD.status NOT IN ('draft', 'ready')"
        f" AND ({changed([*CONTENT, *SIGNATURE])})",
        "a signed prescription is not changed",
    )  # fmt: skip
    yield (
        PRESCRIPTION, "marked_ready_by_its_prescriber", "UPDATE",
        "NEW.status = 'ready' AND NOT EXISTS ("
        "SELECT 1 FROM providers_provider p"
        " JOIN providers_dearegistration d ON d.provider_id = p.id"
        " WHERE p.id = NEW.prescriber_id AND p.user_id = NEW.ready_by_id"
        " AND d.id = NEW.dea_registration_id)",
        "only the owner of the DEA number marks a prescription ready",
    )  # fmt: skip
    yield (
        PRESCRIPTION, "signed_with_its_record", "UPDATE",
        "NEW.status = 'signed' AND OLD.status <> 'signed' AND NOT EXISTS ("
        f"SELECT 1 FROM {RECORD} r WHERE r.prescription_id = NEW.id"
        " AND r.content_digest = NEW.ready_digest AND r.signer_id = NEW.ready_by_id)",
        "a prescription is signed together with its archived record",
    )  # fmt: skip
    yield (
        PRESCRIPTION, "queued_with_its_message", "UPDATE",
        "NEW.status = 'queued' AND OLD.status <> 'queued' AND NOT EXISTS ("
        f"SELECT 1 FROM {TRANSMISSION} t WHERE t.prescription_id = NEW.id)",
        "a prescription is queued together with its message",
    )  # fmt: skip
    for status, states in ANSWERED.items():
        yield (
            PRESCRIPTION, f"{status}_as_was_answered", "UPDATE",
            f"NEW.status = '{status}' AND OLD.status <> '{status}' AND NOT EXISTS ("
            f"SELECT 1 FROM {TRANSMISSION} t WHERE t.prescription_id = NEW.id"
            f" AND t.state IN ({quoted(states)}))",
            f"a prescription is {status} when its message is",
        )  # fmt: skip
    yield (
        RECORD, "made_with_a_used_challenge", "INSERT",
        f"NOT EXISTS (SELECT 1 FROM mfa_challenge c JOIN {PRESCRIPTION} p"
        " ON p.id = NEW.prescription_id WHERE c.id = NEW.challenge_id"
        " AND c.purpose = 'sign' AND c.state = 'consumed'"
        " AND c.user_id = NEW.signer_id AND c.device_id = NEW.device_id"
        " AND p.status = 'ready' AND p.ready_by_id = NEW.signer_id"
        " AND p.ready_digest = NEW.content_digest)",
        "a record is made with a challenge that its signer has used",
    )  # fmt: skip
    yield (
        TRANSMISSION, "follows_a_signature", "INSERT",
        "NEW.state <> 'waiting' OR NOT EXISTS ("
        f"SELECT 1 FROM {RECORD} r WHERE r.prescription_id = NEW.prescription_id)",
        "a message is written for a signed prescription",
    )  # fmt: skip
    yield (
        TRANSMISSION, "message_frozen", "UPDATE",
        changed(MESSAGE), "a message is sent as it was written",
    )  # fmt: skip
    yield (
        TRANSMISSION, "end_is_final", "UPDATE",
        "OLD.state IN ('delivered', 'failed') OR"
        " (OLD.state = 'transmitted' AND NEW.state IN ('waiting', 'sending'))",
        "a message that was answered is not sent again",
    )  # fmt: skip
    yield (
        KEY, "frozen", "UPDATE",
        f"{changed(['id', 'kid', 'public_jwk', 'activated_at'])}"
        " OR OLD.retired_at IS NOT NULL",
        "a signing key on record is only ever retired",
    )  # fmt: skip
    yield RECORD, "frozen", "UPDATE", "1 = 1", "a signed record is not changed"
    for table, columns in UNIQUE.items():
        yield table, "kept", "DELETE", "1 = 1", f"{table} is kept"
        # On SQLite, INSERT OR REPLACE deletes without asking a DELETE trigger.
        same = " OR ".join(f"kept.{name} = NEW.{name}" for name in columns)
        yield (
            table, "never_replaced", "INSERT",
            f"EXISTS (SELECT 1 FROM {table} kept WHERE {same})",
            f"{table} is never replaced",
        )  # fmt: skip


def quoted(values):
    return ", ".join(f"'{value}'" for value in values)


def on_sqlite(table, holds, event, condition, message):
    yield (
        f"CREATE TRIGGER {table}_{holds} BEFORE {event} ON {table} WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def on_postgresql(table, holds, event, condition, message):
    if holds == "never_replaced":  # SQLite alone has INSERT OR REPLACE
        return
    name, row = f"{table}_{holds}", "OLD" if event == "DELETE" else "NEW"
    yield (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION '{message}' "
        "USING ERRCODE = 'integrity_constraint_violation'; "
        f"END IF; RETURN {row}; END $$"
    )
    yield (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
    if event == "DELETE":
        yield (
            f"CREATE FUNCTION {name}_whole() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN RAISE EXCEPTION '{message}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        yield (
            f"CREATE TRIGGER {name}_whole BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}_whole()"
        )


def create(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    differs = {"sqlite": "IS NOT", "postgresql": "IS DISTINCT FROM"}[vendor]
    written = {"sqlite": on_sqlite, "postgresql": on_postgresql}[vendor]
    for guard in guards(differs):
        for statement in written(*guard):
            schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    """Not reversible: a record that can be unlocked by a command is not locked."""

    dependencies = [
        ("prescriptions", "0001_initial"),
        ("mfa", "0001_initial"),
        ("providers", "0001_initial"),
    ]
    operations = [migrations.RunPython(create, elidable=False)]
