"""What every page shows beside its own content costs one statement."""

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from epcs_portal import reader
from mfa import devices
from tests.factories import make_device

pytestmark = pytest.mark.django_db
SIGNED_IN = 2  # statements: session and user


def statements(client, path):
    with CaptureQueriesContext(connection) as asked:
        response = client.get(path)
    return len(asked), response


def test_a_page_without_content_of_its_own_asks_once(client, alice, phone):
    make_device(alice, name="OfficeiPad")
    devices.retire_vanished(phone, by=alice)
    client.force_login(alice)

    asked, page = statements(client, reverse("password-change"))

    assert asked == SIGNED_IN + 1
    assert "Select “OfficeiPad” as the primary device" in page.text


def test_what_draws_no_page_asks_nothing(client, alice):
    client.force_login(alice)

    assert statements(client, reverse("session"))[0] == SIGNED_IN
    client.logout()
    assert statements(client, reverse("sign-in"))[0] == 0


def test_a_page_is_drawn_when_the_database_does_not_answer(client, alice, monkeypatch):
    client.force_login(alice)

    def fail(**values):
        raise DatabaseError("gone")

    monkeypatch.setattr(reader._QUESTIONS, "fetch", fail)

    assert client.get(reverse("password-change")).status_code == 200
