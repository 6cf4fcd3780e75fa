"""What a reply of the network makes of a prescription."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from prescriptions.delivery import outbox
from prescriptions.models import Prescription, Status, Transmission
from providers.identifiers import zone
from tests.prescriptions.delivery.replies import (
    ACCEPTED,
    REJECTED,
    acts_since_queued,
    says,
    state,
)

pytestmark = pytest.mark.django_db

PASSED_ON = "<Status><Code>000</Code></Status>"


def test_an_accepted_message_is_delivered(message, network, settings):
    network.post(network.url, body=says(ACCEPTED, message.message_id))

    outbox.attempt(message.pk)

    assert state(message) == ("delivered", Status.DELIVERED)
    assert acts_since_queued(message) == [
        Act.PRESCRIPTION_TRANSMITTED,
        Act.PRESCRIPTION_DELIVERED,
    ]
    [call] = network.calls
    assert call.request.body == bytes(message.xml)
    assert call.request.headers["Authorization"] == "Bearer network-token"
    assert call.request.headers["Content-Type"] == "application/xml"


def test_one_that_the_network_passes_on_is_transmitted(message, network):
    network.post(network.url, body=says(PASSED_ON))

    outbox.attempt(message.pk)

    assert state(message) == ("transmitted", Status.TRANSMITTED)
    assert acts_since_queued(message) == [Act.PRESCRIPTION_TRANSMITTED]


def test_who_waits_for_the_pharmacy_is_told_whom_to_call(
    client, message, network, alice
):
    network.post(network.url, body=says(PASSED_ON))
    outbox.attempt(message.pk)
    client.force_login(alice)

    page = client.get(message.prescription.get_absolute_url()).text

    assert "nothing is sent again by itself" in page
    assert f"call {message.prescription.pharmacy.name}, 518-555-0122." in page


def test_who_waits_for_an_attempt_is_told_when_the_last_one_is(
    client, message, network, alice
):
    network.post(network.url, status=500)
    for _ in range(2):
        outbox.attempt(message.pk)
        Transmission.objects.update(next_attempt_at=timezone.now())
    until = message.created_at + timedelta(hours=24)
    here = until.astimezone(zone(message.prescription.practice.time_zone))
    client.force_login(alice)

    page = client.get(message.prescription.get_absolute_url()).text

    assert f"It is tried until {here:%b} {here.day}, {here:%H:%M %Z}." in page
    assert "518-555-0122: it may have the prescription already" in page


@pytest.mark.cfr("1311.120(b)(23)")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"body": says(REJECTED)}, "900 No Schedule II"),
        ({"body": says("<Error><Code>601</Code></Error>")}, "601"),
        ({"status": 422}, "422 The pharmacy network refused the message (HTTP 422)."),
        ({"status": 413}, "413 The pharmacy network refused the message (HTTP 413)."),
    ],
)
def test_a_refused_message_fails_with_its_reason(message, network, answer, reason):
    network.post(network.url, **answer)

    outbox.attempt(message.pk)

    assert state(message) == ("failed", Status.FAILED)
    assert Prescription.objects.get().failure_reason == reason
    assert acts_since_queued(message) == [Act.PRESCRIPTION_FAILED]


@pytest.mark.cfr("1311.120(b)(23)")
@pytest.mark.cfr("1311.120(b)(24)")
def test_a_failed_transmission_is_on_record_with_time_kind_and_outcome(
    message, network
):
    network.post(network.url, body=says(REJECTED))

    outbox.attempt(message.pk)

    event = Event.objects.get(act=Act.PRESCRIPTION_FAILED)
    assert (event.outcome, event.detail["code"]) == ("failure", "900")
    assert event.at
    assert event.subject.endswith(str(message.prescription.public_id))


@pytest.mark.parametrize("meaning", ["passed on", "accepted", "rejected"])
def test_what_an_answer_means_is_set_for_the_network(
    message, network, settings, meaning
):
    settings.SCRIPT_ANSWERS = {"Status/010": meaning}
    network.post(network.url, body=says(ACCEPTED))

    outbox.attempt(message.pk)

    states = {"passed on": "transmitted", "accepted": "delivered", "rejected": "failed"}
    assert state(message)[0] == states[meaning]
