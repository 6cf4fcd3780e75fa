from django.db import migrations

from foundation import triggers

PRESCRIPTION = "prescriptions_prescription"
RECORD = "prescriptions_signedrecord"
# `signed` is left to rows of before: nothing enters it.
TRANSITIONS = {
    "draft": ["ready", "discarded", "printed"],
    "ready": ["draft", "queued", "discarded", "printed"],
    "signed": ["queued", "cancelled"],
    "queued": ["transmitted", "failed", "cancelled"],
    "transmitted": ["delivered", "failed", "cancelled"],
    "delivered": ["cancelled"],
    "failed": ["printed"],
}
ALLOWED = " OR ".join(
    f"(OLD.status = '{before}' AND NEW.status IN ("
    + ", ".join(f"'{status}'" for status in after)
    + "))"
    for before, after in TRANSITIONS.items()
)
CONTENT = [
    "id", "public_id", "practice_id", "patient_id", "prescriber_id", "prepared_by_id",
    "dea_registration_id", "supervisor_id", "drug_id", "schedule", "quantity",
    "partial_fill_quantity", "days_supply", "refills", "directions", "note",
    "substitutions_allowed", "earliest_fill_on", "emergency_oral_on", "pharmacy_id",
    "created_at",
]  # fmt: skip
READY = ["ready_digest", "ready_at", "ready_by_id"]
GUARDS = [
    (
        PRESCRIPTION, "takes_allowed_steps", "UPDATE",
        f"OLD.status <> NEW.status AND NOT ({ALLOWED})",
        "this change of status is not allowed",
    ),
    (
        PRESCRIPTION, "frozen_while_ready", "UPDATE",
        "OLD.status = 'ready' AND NEW.status IN ('ready', 'queued')"
        f" AND ({triggers.changed(*CONTENT, *READY)})",
        "a prescription that is ready to sign is not changed",
    ),
    (
        PRESCRIPTION, "signed_with_its_record", "UPDATE",
        "NEW.status = 'queued' AND OLD.status <> 'queued' AND NOT EXISTS ("
        f"SELECT 1 FROM {RECORD} r WHERE r.prescription_id = NEW.id"
        " AND r.content_digest = NEW.ready_digest AND r.signer_id = NEW.ready_by_id)",
        "a prescription is signed together with its archived record",
    ),
]  # fmt: skip


class Migration(migrations.Migration):
    """Signing and queueing are one change of status, from ready to queued."""

    dependencies = [("prescriptions", "0010_task_paths")]
    operations = [triggers.guards(*GUARDS)]
