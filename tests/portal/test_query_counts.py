"""Lists ask the database the same few questions however long they get."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import make_device
from tests.prescriptions.factories import make_draft, make_patient, make_ready

pytestmark = pytest.mark.django_db
EACH = 1  # of several prescriptions that are signed together
PAGES = {  # at most so many queries
    "home": 11,
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


def test_the_signing_page_asks_few_questions(client, alice):
    client.force_login(alice)
    prescription = make_ready(alice.provider)

    assert (
        queries(client, reverse("prescription-sign", args=[prescription.public_id]))
        <= 39
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
