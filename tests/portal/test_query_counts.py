"""A list costs as many queries with ten rows as with one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import chain
from audit.acts import Act
from tests.factories import make_device
from tests.prescriptions.factories import make_draft, make_patient

pytestmark = pytest.mark.django_db
MOST = 25  # queries for any page; the session and the user take four of them


@pytest.fixture
def queries(client, alice):
    client.force_login(alice)

    def count(path):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    return count


def add_some_of_everything(alice, *, beginning):
    for number in range(3):
        patient = make_patient(alice.memberships.get().practice)
        make_draft(alice.provider, patient=patient)
        make_device(alice, name=f"{beginning} {number}")
        chain.record(Act.DEVICE_RENAMED, by=alice)


@pytest.mark.parametrize(
    "name", ["home", "prescription-list", "patient-list", "erx-info", "activity-log"]
)
def test_a_list_costs_the_same_however_long(queries, alice, name):
    add_some_of_everything(alice, beginning="First")
    short = queries(reverse(name))
    add_some_of_everything(alice, beginning="Second")

    assert queries(reverse(name)) == short
    assert short <= MOST


def test_the_page_that_signs_costs_little(queries, alice):
    draft = make_draft(alice.provider)

    assert queries(reverse("prescription-sign", args=[draft.public_id])) <= MOST
