"""Lists ask the database the same few questions however long they get."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import make_device
from tests.prescriptions.factories import make_draft, make_ready

pytestmark = pytest.mark.django_db
PAGES = {  # at most so many queries
    "home": 22,
    "prescription-list": 9,
    "patient-list": 9,
    "erx-info": 28,
    "activity-log": 10,
    "provider-settings": 9,
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
        <= 31
    )


def _with_one_more(client, alice, path):
    make_draft(alice.provider)
    make_device(alice)
    return queries(client, path)
