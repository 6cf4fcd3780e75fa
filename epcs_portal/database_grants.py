"""The rights of the portal's database role on PostgreSQL.

The owner migrates; the portal runs as another role, which can neither switch guards off
nor change or remove what is kept as a record. The guards of the database refuse the same:
either alone is enough.
"""

from django.apps import apps
from django.db import connection, transaction

USUAL = {"SELECT", "INSERT", "UPDATE", "DELETE"}
NEVER_GIVEN = {"TRUNCATE", "TRIGGER", "REFERENCES"}
LOCK = "UPDATE (id)"
NEVER_CHANGED = {
    "audit.Checkpoint",
    "audit.DailyReport",
    "audit.Event",
    "audit.Incident",
    "audit.IncidentStep",
    "prescriptions.ClockMeasurement",
    "prescriptions.ImportedBundle",
    "prescriptions.ImportedRecord",
    "prescriptions.Printout",
    "prescriptions.ReceivedMessage",
    "prescriptions.Repudiation",
    "prescriptions.SignedRecord",
    "prescriptions.SigningModule",
    "providers.Suspension",
    "providers.Verification",
}
NEVER_DELETED = (NEVER_CHANGED - {"prescriptions.ClockMeasurement"}) | {
    "audit.ChainHead",
    "prescriptions.Cancellation",
    "prescriptions.DrugPackage",
    "prescriptions.DrugProduct",
    "prescriptions.Export",
    "prescriptions.PharmacyRequest",
    "prescriptions.Prescription",
    "prescriptions.PrescriptionLog",
    "prescriptions.ReviewTask",
    "prescriptions.SigningDeactivation",
    "prescriptions.SigningKey",
    "prescriptions.SigningStop",
    "prescriptions.ThirdPartyAudit",
    "prescriptions.Transmission",
    "providers.AccessGrant",
    "providers.AccessRequest",
    "providers.CredentialingOfficer",
    "providers.Designee",
    "providers.Listing",
}
# Never changed, but locked. PostgreSQL wants UPDATE of whoever locks a row, and is
# content with one column: the key, which the table's guard refuses to change.
LOCKED = {"audit.Incident", "prescriptions.SigningModule"}


def rights() -> dict[str, set[str]]:
    """Return what the portal's role may do, by table."""
    tables = connection.introspection.table_names()
    rights = {table: set(USUAL) for table in tables} | {"django_migrations": {"SELECT"}}
    for label in NEVER_CHANGED:
        rights[_table(label)] -= {"UPDATE"}
    for label in NEVER_DELETED:
        rights[_table(label)] -= {"DELETE"}
    for label in LOCKED:
        rights[_table(label)] |= {LOCK}
    return rights


def apply(role: str) -> None:
    """Give the role these rights and no others, as the owner of the tables."""
    quoted = connection.ops.quote_name(role)
    statements = [
        f"ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {quoted}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {quoted}",
        f"GRANT USAGE ON SCHEMA public TO {quoted}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {quoted}",
    ]
    for table, given in rights().items():
        name = connection.ops.quote_name(table)
        statements.append(f"GRANT {', '.join(sorted(given))} ON {name} TO {quoted}")
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def differences(role: str) -> list[str]:
    """Return a sentence for each right that the role lacks, or has too much."""
    sentences = []
    for table, given in sorted(rights().items()):
        held = _held(role, table)
        sentences += [f"{role} lacks {right} on {table}." for right in given - held]
        sentences += [f"{role} has {right} on {table}." for right in held - given]
    return sentences


def _held(role: str, table: str) -> set[str]:
    """Return the rights that the role has on a table, from wherever it has them."""
    names = sorted(USUAL | NEVER_GIVEN)
    columns = ", ".join(
        f"has_table_privilege(%(role)s, %(table)s, '{name}')" for name in names
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT has_any_column_privilege(%(role)s, %(table)s, 'UPDATE'), {columns}",  # noqa: S608
            {"role": role, "table": connection.ops.quote_name(table)},
        )
        lock, *answers = cursor.fetchone()
    held = {name for name, has in zip(names, answers, strict=True) if has}
    return held if not lock or "UPDATE" in held else held | {LOCK}


def _table(label: str) -> str:
    return apps.get_model(label)._meta.db_table
