"""Lists of prescriptions: two of one drug can be told apart."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from tests.prescriptions.factories import make_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(alice):
    with time_machine.travel("2026-11-20T14:05:00Z"):
        first = make_draft(alice.provider, quantity=28, days_supply=7)
    with time_machine.travel("2026-11-23T15:30:00Z"):
        return first, make_draft(
            alice.provider,
            patient=first.patient,
            drug=first.drug,
            quantity=30,
            days_supply=10,
            earliest_fill_on=first.created_at.date() + timedelta(10),
        )


def test_the_first_page_and_the_patients_say_which_is_which(client, two, alice):
    client.force_login(alice)

    for address in [reverse("home"), two[0].patient.get_absolute_url()]:
        page = client.get(address).text
        assert "28 tablets, 7 days’ supply, written Nov 20, 2026 09:05 EST" in page
        assert (
            "30 tablets, 10 days’ supply, not before Nov 30, 2026, "
            "written Nov 23, 2026 10:30 EST" in page
        )


def test_the_list_of_all_says_which_is_which(client, two, alice):
    client.force_login(alice)

    page = client.get(reverse("prescription-list")).text

    for said in [
        "28 tablets, 7 days’ supply",
        "30 tablets, 10 days’ supply",
        "not before Nov 30, 2026",
        "Nov 20, 2026 09:05 EST",
        "Nov 23, 2026 10:30 EST",
    ]:
        assert said in page


def test_a_phone_number_is_written_as_people_do(client, two, alice):
    client.force_login(alice)

    assert "518-555-0111" in client.get(two[0].patient.get_absolute_url()).text
