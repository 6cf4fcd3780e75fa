"""Looking for a patient leaves no name in an address, a log or a referrer."""

import pytest
from django.urls import reverse

from tests.prescriptions.factories import make_patient

pytestmark = pytest.mark.django_db
PATIENTS = reverse("patient-list")


@pytest.fixture
def found(client, alice, practice):
    client.force_login(alice)
    make_patient(practice, first_name="Casey", last_name="Fictional")
    make_patient(practice, first_name="Jordan", last_name="Invented")

    def found(query):
        page = client.post(PATIENTS, {"q": query}).content.decode()
        return [name for name in ["Casey", "Jordan"] if f", {name}</a>" in page]

    return found


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("fict", ["Casey"]),
        ("jordan invented", ["Jordan"]),
        ("1980-02-29", ["Casey", "Jordan"]),
        ("1980-02-29 casey", ["Casey"]),
        ("nobody", []),
        ("", ["Casey", "Jordan"]),
        ("%", []),
    ],
)
def test_patients_are_found_by_name_and_birth_date(found, query, names):
    assert found(query) == names


def test_the_search_is_posted(client, alice):
    client.force_login(alice)

    page = client.get(PATIENTS).content.decode()

    assert '<form class="search" method="post"' in page


def test_an_address_with_a_name_searches_nothing(client, alice, practice):
    client.force_login(alice)
    make_patient(practice, first_name="Casey", last_name="Fictional")

    page = client.get(PATIENTS, {"q": "nobody"}).content.decode()

    assert "Casey" in page


def test_nobody_else_s_patient_is_found(found, bob, client):
    client.force_login(bob)

    assert found("fictional") == []
