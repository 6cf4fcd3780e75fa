"""The outbox against the pharmacy stand-in, over real HTTP, misbehaving as it can."""

from datetime import timedelta

import pytest
import requests
import time_machine
from django.utils import timezone

from prescriptions.delivery import outbox
from prescriptions.models import Status
from tests import processes

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = processes.start_pharmacy(tmp_path_factory.mktemp("pharmacy"))
    yield running
    running.stop()


@pytest.fixture
def pharmacy(server, settings):
    settings.SCRIPT_NETWORK_URL = f"{server.origin}/script"
    settings.SCRIPT_NETWORK_TIMEOUT = 5
    behave(server, "accept")
    return server


def behave(pharmacy, mode):
    token = {"Authorization": "Bearer network-token"}
    answer = requests.post(
        f"{pharmacy.origin}/mode.json", json={"mode": mode}, headers=token, timeout=5
    )
    answer.raise_for_status()


def inbox(pharmacy, message):
    entries = requests.get(f"{pharmacy.origin}/inbox.json", timeout=5).json()[
        "messages"
    ]
    return [one for one in entries if one["message_id"] == message.message_id]


def test_the_pharmacy_accepts_what_we_write(pharmacy, queued):
    outbox.attempt(queued.transmission.pk)

    queued.refresh_from_db()
    assert queued.status == Status.DELIVERED
    assert len(inbox(pharmacy, queued.transmission)) == 1


def test_a_pharmacy_that_rejects_it_says_why(pharmacy, queued):
    behave(pharmacy, "reject")

    outbox.attempt(queued.transmission.pk)

    queued.refresh_from_db()
    assert queued.status == Status.FAILED
    assert queued.failure_reason.startswith("900 ")


@pytest.mark.parametrize("mode", ["busy", "http-500", "hang-up", "down-after-accept"])
def test_whatever_goes_wrong_it_arrives_once(pharmacy, queued, mode):
    behave(pharmacy, mode)
    outbox.attempt(queued.transmission.pk)
    queued.refresh_from_db()
    assert queued.status == Status.QUEUED
    behave(pharmacy, "accept")

    with time_machine.travel(timezone.now() + timedelta(seconds=6)):
        outbox.attempt(queued.transmission.pk)

    queued.refresh_from_db()
    assert queued.status == Status.DELIVERED
    assert len(inbox(pharmacy, queued.transmission)) == 1


def test_a_pharmacy_slower_than_our_patience_gets_it_once(pharmacy, queued, settings):
    behave(pharmacy, "slow")
    settings.SCRIPT_NETWORK_TIMEOUT = 0.3
    outbox.attempt(queued.transmission.pk)
    queued.refresh_from_db()
    assert queued.status == Status.QUEUED
    behave(pharmacy, "accept")
    settings.SCRIPT_NETWORK_TIMEOUT = 5

    with time_machine.travel(timezone.now() + timedelta(seconds=6)):
        outbox.attempt(queued.transmission.pk)

    queued.refresh_from_db()
    assert queued.status == Status.DELIVERED
    assert len(inbox(pharmacy, queued.transmission)) == 1


def test_a_wrong_token_is_mended_and_nothing_has_to_be_written_again(
    pharmacy, queued, settings
):
    right = settings.SCRIPT_NETWORK_TOKEN
    settings.SCRIPT_NETWORK_TOKEN = "wrong"
    outbox.attempt(queued.transmission.pk)
    queued.refresh_from_db()
    assert queued.status == Status.QUEUED
    assert inbox(pharmacy, queued.transmission) == []
    settings.SCRIPT_NETWORK_TOKEN = right

    with time_machine.travel(timezone.now() + timedelta(seconds=6)):
        outbox.attempt(queued.transmission.pk)

    queued.refresh_from_db()
    assert queued.status == Status.DELIVERED
