"""Looking for a patient leaves no name in an address, a log or a referrer."""

import pytest
import time_machine
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


@pytest.mark.both_databases
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


@pytest.mark.both_databases
def test_nobody_else_s_patient_is_found(found, bob, client):
    client.force_login(bob)

    assert found("fictional") == []


@pytest.mark.parametrize(
    ("born", "status"),
    [
        ("0001-01-01", 422),
        ("1895-12-31", 422),
        ("1896-01-01", 302),
        ("2026-11-23", 302),
        ("2026-11-24", 422),
        ("9999-12-31", 422),
    ],
)
@time_machine.travel("2026-11-23T12:00:00-05:00", tick=False)
def test_nobody_is_born_in_the_future_or_long_dead(client, alice, born, status):
    client.force_login(alice)
    facts = {
        "first_name": "Pat",
        "last_name": "Patient",
        "date_of_birth": born,
        "sex": "F",
        "address_line_1": "2 Elm Street",
        "city": "Albany",
        "state": "NY",
        "postal_code": "12208",
    }

    response = client.post(reverse("patient-create"), facts)

    assert response.status_code == status
    assert ("Nobody who is alive" in response.content.decode()) is (status == 422)
