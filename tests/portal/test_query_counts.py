"""Lists ask the database the same few questions however long they get."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mfa.models import Device, Kind, Retirement, Source
from providers.models import Membership, Practice, Role
from tests.factories import make_device
from tests.prescriptions.factories import make_draft, make_patient, make_ready
from tests.prescriptions.many import make_many

pytestmark = pytest.mark.django_db
MOST = 12  # statements of a page; a transaction's brackets are none
MANY = 1_000
BRACKETS = ("SAVEPOINT", "RELEASE")
EACH = 1  # of several prescriptions that are signed together
PAGES = {  # at most so many queries
    "home": 8,
    "prescription-list": 6,
    "patient-list": 5,
    "erx-info": 8,
    "activity-log": 12,
    "provider-settings": 12,
}


def queries(client, path):
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


@pytest.mark.parametrize(("name", "most"), PAGES.items())
def test_a_longer_list_asks_no_more_questions(client, alice, name, most):
    client.force_login(alice)
    few = _with_one_more(client, alice, reverse(name))
    for _ in range(5):
        many = _with_one_more(client, alice, reverse(name))

    assert many == few <= most


def test_pages_ask_few_questions_of_a_thousand_rows(client, alice):
    prescription = make_ready(alice.provider)
    first = _statements_of_pages(client, alice, prescription)

    make_many(alice.provider, MANY)
    _retire_many_devices(alice)
    _join_many_practices(alice, like=prescription.practice)

    assert _statements_of_pages(client, alice, prescription) == first
    assert max(first.values()) <= MOST, first


def _statements_of_pages(client, alice, prescription):
    """Return what each page asks of somebody who has just signed in."""
    sign = reverse("prescription-sign", args=[prescription.public_id])
    paths = {
        "eRx Info": reverse("erx-info"),
        "Home": reverse("home"),
        "list": reverse("prescription-list"),
        "patient": prescription.patient.get_absolute_url(),
        "signing page": sign,
    }
    return {page: _statements(client, alice, path) for page, path in paths.items()}


def _statements(client, alice, path):
    client.force_login(alice)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return sum(not query["sql"].startswith(BRACKETS) for query in asked)


def _retire_many_devices(alice):
    Device.objects.bulk_create(
        Device(
            user=alice,
            name=f"Old phone {number}",
            kind=Kind.PUSH,
            source=Source.IDME,
            external_id=f"old-{number}",
            confirmed=True,
            retired_at=timezone.now(),
            retired_because=Retirement.REMOVED,
        )
        for number in range(MANY)
    )


def _join_many_practices(alice, *, like):
    address = {
        field: getattr(like, field)
        for field in ("address_line_1", "city", "state", "postal_code", "phone")
    }
    practices = Practice.objects.bulk_create(
        Practice(name=f"Practice {number}", **address) for number in range(MANY)
    )
    Membership.objects.bulk_create(
        Membership(user=alice, practice=practice, role=Role.PROVIDER)
        for practice in practices
    )


def test_a_ceremony_of_many_asks_little_more_than_one_of_two(client, alice, practice):
    client.force_login(alice)
    patient = make_patient(practice)
    path = reverse("prescription-sign-for-patient", args=[patient.public_id])
    few = _with_two_more(client, alice, patient, path)
    many = _with_two_more(client, alice, patient, path)

    assert many - few <= 2 * EACH


def _with_two_more(client, alice, patient, path):
    for _ in range(2):
        make_ready(alice.provider, patient=patient)
    return queries(client, path)


def _with_one_more(client, alice, path):
    make_draft(alice.provider)
    make_device(alice)
    return queries(client, path)
