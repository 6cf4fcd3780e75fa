"""Nothing that has to be kept can be deleted (21 CFR 1311.120(b)(28), 1311.305)."""

import ast
import re

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.db.models import CASCADE, ForeignKey

from epcs_portal import database_grants
from tests.processes import ROOT

OURS = ["audit", "mfa", "providers", "prescriptions", "epcs_portal"]
MODELS = {
    model._meta.label: model
    for app in OURS
    for model in apps.get_app_config(app).get_models()
}
# What the database itself refuses to remove, whoever asks.
KEPT = [
    "audit.ChainHead",
    "audit.Checkpoint",
    "audit.DailyReport",
    "audit.Event",
    "audit.Incident",
    "audit.IncidentStep",
    "prescriptions.Cancellation",
    "prescriptions.Export",
    "prescriptions.ImportedBundle",
    "prescriptions.ImportedRecord",
    "prescriptions.PharmacyRequest",
    "prescriptions.Prescription",
    "prescriptions.PrescriptionLog",
    "prescriptions.Printout",
    "prescriptions.ReceivedMessage",
    "prescriptions.Repudiation",
    "prescriptions.SignedRecord",
    "prescriptions.SigningDeactivation",
    "prescriptions.SigningKey",
    "prescriptions.SigningModule",
    "prescriptions.SigningStop",
    "prescriptions.ThirdPartyAudit",
    "prescriptions.Transmission",
    "providers.AccessGrant",
    "providers.AccessRequest",
    "providers.Designee",
    "providers.Suspension",
    "providers.Verification",
]
# Verbs that remove rows, and why each is no record.
DELETIONS = {
    "mfa/enrollment/binding.py": "devices whose set-up was never finished",
    "mfa/push/reports.py": "sessions, to sign somebody out everywhere",
    "prescriptions/safeguards/clock.py": "measurements of the clock; changes are in the record",
    "prescriptions/drugs/search.py": "words that drugs are found by",
}
# Rows that may go with the row they belong to.
BESIDE_THE_RECORD = {"prescriptions.DrugWord"}
# These name the deletions that they prevent.
GUARDS = {"foundation/triggers.py", "epcs_portal/database_grants.py"}
SQL = ("DELETE FROM", "TRUNCATE", "_raw_delete")

LAW = [
    "1311.120(b)(26)",
    "1311.120(b)(28)",
    "1311.305(a)",
    "1311.305(b)",
    "1304.06(a)",
    "1304.06(b)",
    "1304.06(e)",
    "1304.06(f)",
]
pytestmark = [pytest.mark.cfr(paragraph) for paragraph in LAW]


def sources():
    for app in OURS:
        for path in sorted((settings.BASE_DIR / app).rglob("*.py")):
            name = str(path.relative_to(settings.BASE_DIR))
            if "/migrations/" not in name and name not in GUARDS:
                yield name, path.read_text()


def deletes(text):
    calls = [
        node.func.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    return "delete" in calls or any(words in text for words in SQL)


def test_no_verb_command_or_job_deletes_but_what_is_no_record():
    assert {name for name, text in sources() if deletes(text)} == set(DELETIONS)


def test_no_row_goes_with_another(subtests):
    for label, model in MODELS.items():
        with subtests.test(label):
            cascades = [
                field
                for field in model._meta.fields
                if isinstance(field, ForeignKey)
                and field.remote_field.on_delete is CASCADE
            ]

            assert not cascades or label in BESIDE_THE_RECORD


ADMINS = {
    model._meta.label: window
    for model, window in admin.site._registry.items()
    if model._meta.app_label in OURS
}


def test_nothing_is_deleted_in_the_admin(rf, admin_user, subtests):
    request = rf.get("/")
    request.user = admin_user

    for label, window in ADMINS.items():
        with subtests.test(label):
            assert not window.has_delete_permission(request)
            assert "delete_selected" not in window.get_actions(request)


@pytest.mark.both_databases
def test_the_database_refuses_to_delete_a_record(db, subtests):
    for label in KEPT:
        with subtests.test(label):
            assert any(GUARD.search(sql) for sql in triggers_on(MODELS[label]))


def triggers_on(model):
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS[connection.vendor], [model._meta.db_table])
        return [sql for (sql,) in cursor.fetchall()]


def test_the_operator_is_told_to_take_the_right_to_delete_away(db, subtests):
    assert "manage.py database_grants" in (ROOT / "docs/deploy.md").read_text()

    rights = database_grants.rights()
    for label in KEPT:
        with subtests.test(label):
            given = rights[MODELS[label]._meta.db_table]
            assert not given & {"DELETE", "TRUNCATE"}


GUARD = re.compile(r"BEFORE [A-Z ]*DELETE\b.* ON ")
TRIGGERS = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
    "postgresql": "SELECT pg_get_triggerdef(oid) FROM pg_trigger "
    "WHERE tgrelid = %s::regclass AND NOT tgisinternal",
}


def test_every_row_that_a_signature_rests_on_is_held_by_what_rests_on_it():
    """Without a guard of its own, a row is held by PROTECT of what points to it."""
    held = {
        field.related_model._meta.label
        for label in KEPT
        for field in MODELS[label]._meta.fields
        if isinstance(field, ForeignKey)
    }

    assert {
        "epcs_portal.User",
        "mfa.Challenge",
        "mfa.Device",
        "prescriptions.Drug",
        "prescriptions.Patient",
        "prescriptions.Pharmacy",
        "providers.DeaRegistration",
        "providers.Practice",
        "providers.Provider",
    } <= held
