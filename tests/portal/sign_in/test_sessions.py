from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

START = datetime(2027, 1, 15, 8, tzinfo=UTC)
BY_ITSELF = {"HX-Request": "true"}


@pytest.fixture
def client(client, alice, time_machine):
    time_machine.move_to("2027-01-15T08:00:00Z", tick=False)
    client.force_login(alice)
    client.get(reverse("home"))
    return client


def asked(client) -> dict:
    return client.get(reverse("session"), headers=BY_ITSELF).json()


def test_a_page_knows_for_how_long_its_reader_is_signed_in(client):
    page = client.get(reverse("provider-settings"))

    assert page.context["session_seconds"] == 30 * 60
    assert "signed out 30 minutes after" in page.text


def test_asking_how_long_it_goes_on_prolongs_nothing(client, time_machine):
    time_machine.move_to("2027-01-15T08:10:00Z", tick=False)

    assert asked(client) == asked(client) == {"seconds_left": 1200, "may_stay": True}


def test_whoever_asks_to_stay_stays(client, time_machine):
    time_machine.move_to("2027-01-15T08:29:00Z", tick=False)

    answer = client.post(reverse("session"))

    assert answer.json() == {"seconds_left": 1800, "may_stay": True}
    time_machine.move_to("2027-01-15T08:31:00Z", tick=False)
    assert asked(client)["seconds_left"] == 1680


def test_after_a_day_of_work_nobody_can_stay(client, time_machine):
    for minutes in range(20, 12 * 60, 20):
        time_machine.move_to(
            f"2027-01-15T{8 + minutes // 60:02}:{minutes % 60:02}:00Z", tick=False
        )
        client.post(reverse("session"))
    time_machine.move_to("2027-01-15T19:59:00Z", tick=False)

    last = {"seconds_left": 60, "may_stay": False}
    assert client.post(reverse("session")).json() == last
    assert asked(client) == last


def test_who_is_signed_out_is_told_to_load_the_page_anew(client, time_machine):
    time_machine.move_to("2027-01-15T08:31:00Z", tick=False)

    answer = client.get(reverse("session"), headers=BY_ITSELF)

    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


@pytest.mark.parametrize(("idle", "written"), [(1, 0), (60, 0), (61, 1), (1799, 1)])
def test_a_page_stores_the_session_once_a_minute(client, time_machine, idle, written):
    time_machine.move_to(START + timedelta(seconds=idle), tick=False)
    with CaptureQueriesContext(connection) as asked:
        client.get(reverse("home"))

    updates = [query for query in asked if query["sql"].startswith("UPDATE")]
    assert len(updates) == written


def test_a_session_ends_at_most_a_minute_early_and_never_late(client, time_machine):
    time_machine.move_to(START + timedelta(seconds=50), tick=False)
    page = client.get(reverse("provider-settings"))
    assert page.context["session_seconds"] == asked(client)["seconds_left"] == 1750

    time_machine.move_to(START + timedelta(seconds=50 + 1749), tick=False)
    assert asked(client) == {"seconds_left": 1, "may_stay": True}
    time_machine.move_to(START + timedelta(seconds=50 + 1751), tick=False)
    assert client.get(reverse("home")).url.startswith(reverse("sign-in"))


def test_a_change_of_the_session_is_stored_at_once(client, time_machine):
    time_machine.move_to(START + timedelta(seconds=30), tick=False)
    session = client.session
    session["seen"] = True
    session.save()

    assert client.session["seen"]
    assert asked(client)["seconds_left"] == 1800


def test_a_session_stored_by_the_release_before_goes_on(client):
    before = SessionStore(client.session.session_key)
    before.save()

    assert client.get(reverse("home")).status_code == 200
