"""An installation with signed prescriptions takes the newest tables without loss."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from prescriptions.models import SignedRecord
from tests.prescriptions.factories import make_ready, sign

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _migrated_again():
    yield
    call_command("migrate", verbosity=0)


@pytest.mark.usefixtures("_migrated_again")
def test_tables_are_rebuilt_under_their_guards(alice, phone):
    record = sign(make_ready(alice.provider), phone)
    guards = names_of_triggers()

    call_command("migrate", "mfa", "0001", verbosity=0)
    call_command("migrate", verbosity=0)

    assert names_of_triggers() == guards
    kept = SignedRecord.objects.get()
    assert (kept.jws, kept.challenge) == (record.jws, record.challenge)
    with pytest.raises(DatabaseError), transaction.atomic():
        SignedRecord.objects.update(jws="forged")


def names_of_triggers():
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        else:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
        return sorted(name for (name,) in cursor.fetchall())
