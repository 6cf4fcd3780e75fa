"""Signing asks the database little: read once, decide, write once (docs/adr/0012)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from prescriptions import signer
from prescriptions.models import SignedRecord
from tests.factories import PASSWORD, code_of
from tests.prescriptions.factories import make_patient, make_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
ONE_SIGNATURE = 43
THREE_MORE = 12
IN_THE_TRANSACTION = 25
COMMITS = 3
BRACKETS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")
WRITES = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def statements_to_sign(client, alice, phone):
    """What a POST asks that signs so many prescriptions of one patient."""
    signer.current_key()  # a server has recorded it as it started
    client.force_login(alice)

    def sign(count):
        patient = make_patient(alice.memberships.get().practice)
        prescriptions = [
            make_ready(alice.provider, patient=patient) for _ in range(count)
        ]
        url = reverse("prescription-sign-for-patient", args=[patient.public_id])
        data = {"password": PASSWORD, "shown_digest": _shown_digest(client, url)}
        with CaptureQueriesContext(connection) as queries:
            response = client.post(url, data | {"code": code_of(phone)})
        assert response.status_code == 302
        assert SignedRecord.objects.count() == len(prescriptions)
        return [query["sql"].lstrip() for query in queries.captured_queries]

    return sign


def test_one_signature_asks_few_statements(statements_to_sign):
    statements = statements_to_sign(1)

    assert len(_asked(statements)) <= ONE_SIGNATURE
    assert len(max(_transactions(statements), key=len)) <= IN_THE_TRANSACTION
    assert len(_transactions(statements)) + _autocommitted(statements) <= COMMITS


def test_three_more_at_once_ask_few_more(statements_to_sign):
    statements = statements_to_sign(4)

    assert len(_asked(statements)) <= ONE_SIGNATURE + THREE_MORE
    assert len(_transactions(statements)) + _autocommitted(statements) <= COMMITS


def _shown_digest(client, url):
    return client.get(url).context["shown_digest"]


def _asked(statements):
    return [sql for sql in statements if not sql.upper().startswith(BRACKETS)]


def _transactions(statements):
    """Return what each committed transaction asked."""
    committed, current = [], None
    for sql in statements:
        if sql.upper().startswith("BEGIN"):
            current = []
        elif sql.upper().startswith("COMMIT"):
            committed.append(current)
            current = None
        elif current is not None:
            current.append(sql)
    return committed


def _autocommitted(statements):
    """Return how many writes were each a commit of their own."""
    inside = sum(
        sql.startswith(WRITES) for asked in _transactions(statements) for sql in asked
    )
    return sum(sql.startswith(WRITES) for sql in statements) - inside
