"""The portal's role on PostgreSQL has the rights it needs, and no others."""

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from audit.models import Incident
from epcs_portal import database_grants
from prescriptions import signer
from prescriptions.models import SigningModule

ROLE = "epcs_portal"
# Guards that refuse every change, and every removal.
FROZEN = """
SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT tgisinternal AND tgtype & 16 > 0
AND (prosrc LIKE '%IF 1 = 1 THEN%' OR proname = 'audit_refuse_change')
"""
KEPT = """
SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger
WHERE NOT tgisinternal AND tgtype & 32 > 0
"""
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no roles"),
]


def tables(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()}


def without(right):
    return {
        table for table, given in database_grants.rights().items() if right not in given
    }


def test_what_guards_keep_is_neither_changed_nor_deleted_by_right():
    assert without("UPDATE") == tables(FROZEN) | {"django_migrations"}
    assert without("DELETE") == tables(KEPT) | {"django_migrations"}


def test_the_role_that_tests_run_as_has_these_rights():
    assert database_grants.differences(ROLE) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (ROLE,)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("GRANT DELETE ON audit_event TO", "has DELETE on audit_event."),
        ("GRANT TRUNCATE ON audit_event TO", "has TRUNCATE on audit_event."),
        ("GRANT UPDATE (actor) ON audit_event TO", "has UPDATE (id) on audit_event."),
        ("REVOKE INSERT ON audit_event FROM", "lacks INSERT on audit_event."),
    ],
)
@pytest.mark.usefixtures("as_owner")
def test_a_right_that_differs_is_named_and_put_right(change, difference):
    with connection.cursor() as cursor:
        cursor.execute(f"{change} {ROLE}")

    with pytest.raises(CommandError) as refusal:
        call_command("database_grants", ROLE, check=True)
    assert str(refusal.value) == f"{ROLE} {difference}"

    call_command("database_grants", ROLE)
    call_command("database_grants", ROLE, check=True)


def test_an_owner_is_named_for_what_it_may_do_too_much():
    found = database_grants.differences("epcs_owner")

    assert "epcs_owner has TRUNCATE on audit_event." in found


@pytest.mark.parametrize("model", [SigningModule, Incident])
def test_a_row_that_is_never_changed_can_be_locked(model):
    with transaction.atomic():
        assert not model.objects.select_for_update(no_key=True).first()


def test_the_portals_role_puts_the_signing_module_on_record():
    """The job failed every hour when the role had no right to lock the row."""
    row = signer.record_module()

    assert row == SigningModule.objects.get()
    assert signer.record_module() is None


def test_the_portals_role_cannot_switch_a_guard_off():
    with pytest.raises(DatabaseError, match="must be owner"), transaction.atomic():
        connection.cursor().execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
