"""What was signed is taken back: never sent if it has not left, else told and answered."""

from datetime import timedelta

import pytest
import responses
import time_machine
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from lxml import etree

from audit.acts import Act
from audit.models import Event
from prescriptions import script
from prescriptions.delivery import cancellation, outbox
from prescriptions.models import (
    Cancellation,
    Prescription,
    Status,
    Transmission,
    TransmissionState,
)
from prescriptions.writing import drafts
from tests.threads import at_once

pytestmark = pytest.mark.django_db
REASON = "The patient is allergic to it."


def says(body, message):
    return (
        f'<Message xmlns="{script.NAMESPACE}"><Header><RelatesToMessageID>'
        f"{message.message_id}</RelatesToMessageID></Header><Body>{body}</Body></Message>"
    )


def deliver(message, settings, body="<Status><Code>010</Code></Status>"):
    """Let the network answer one attempt; return what was sent."""
    with responses.RequestsMock() as network:
        network.post(settings.SCRIPT_NETWORK_URL, body=says(body, message))
        outbox.attempt(message.pk)
        [call] = network.calls
    message.refresh_from_db()
    return call.request.body


@pytest.fixture
def delivered(queued, settings):
    deliver(queued.transmission, settings)
    queued.refresh_from_db()
    return queued


def acts_of(prescription):
    subject = f"prescriptions.prescription:{prescription.public_id}"
    return [
        event.act
        for event in Event.objects.filter(subject=subject).order_by("at", "sequence")
    ]


@pytest.mark.cfr("1311.120(b)(19)")
def test_what_has_not_left_is_never_sent(queued, alice):
    cancellation.cancel(queued, by=alice, reason=REASON)

    queued.refresh_from_db()
    message = Transmission.objects.get()
    assert (queued.status, message.state) == (Status.CANCELLED, "withdrawn")
    assert acts_of(queued)[-1] == Act.PRESCRIPTION_CANCELLED
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert outbox.attempt(message.pk) == "nothing to do"
        assert outbox.sweep() == 0


@pytest.mark.cfr("1311.120(b)(19)")
@pytest.mark.parametrize("version", script.VERSIONS)
def test_what_was_sent_is_followed_by_a_cancellation(
    ready, phone, alice, settings, version
):
    from tests.prescriptions.factories import sign

    settings.SCRIPT_VERSION = version
    sign(ready, phone)
    deliver(ready.transmission, settings)
    settings.SCRIPT_VERSION = "2017071"

    cancelled = cancellation.cancel(ready, by=alice, reason=REASON)

    sent = deliver(cancelled.message, settings)
    root = etree.fromstring(sent)
    wire = script.VERSIONS[version].wire_version
    assert root.get("TransactionVersion") == wire
    assert root.find("{*}Body/{*}CancelRx") is not None
    assert script.read(sent).relates_to == ready.transmission.message_id
    assert cancelled.message.state == TransmissionState.TRANSMITTED
    assert acts_of(ready)[-2:] == [Act.PRESCRIPTION_CANCELLED, Act.MESSAGE_SENT]
    call_command("verify_prescriptions", verbosity=0)


def test_the_cancellation_goes_out_with_the_same_bytes_until_it_is_taken(
    delivered, alice, settings
):
    message = cancellation.cancel(delivered, by=alice, reason=REASON).message
    first = deliver(message, settings, "<Error><Code>602</Code></Error>")

    with time_machine.travel(timezone.now() + timedelta(seconds=6)):
        second = deliver(message, settings)

    assert first == second == bytes(message.xml)
    assert outbox.attempt(message.pk) == "nothing to do"


@pytest.mark.both_databases
def test_behind_an_attempt_under_way_the_cancellation_waits_for_its_end(queued, alice):
    claimed = outbox._claim(queued.transmission.pk)

    cancelled = cancellation.cancel(queued, by=alice, reason=REASON)

    assert cancelled.message.next_attempt_at == claimed.leased_until
    late = script.DeliveryResult(script.Outcome.ACCEPTED, "010")
    outbox._record_result(claimed, late)
    queued.refresh_from_db()
    assert (queued.status, Transmission.objects.get(pk=claimed.pk).state) == (
        Status.CANCELLED,
        "withdrawn",
    )


@pytest.mark.parametrize(
    ("approved", "words"),
    [(True, "took it back"), (False, "did not take it back")],
)
def test_the_page_says_what_the_pharmacy_answered(
    client, delivered, alice, settings, approved, words
):
    client.force_login(alice)
    cancelled = cancellation.cancel(delivered, by=alice, reason=REASON)
    deliver(cancelled.message, settings)
    page = client.get(delivered.get_absolute_url()).content.decode()
    assert "has not answered yet" in page
    assert REASON in page.replace("&#x27;", "'")

    cancellation.record_response(
        cancelled, is_approved=approved, note="Dispensed on Monday"
    )

    page = client.get(delivered.get_absolute_url()).content.decode()
    assert words in page
    assert ("Dispensed on Monday" in page) is not approved or approved
    assert acts_of(delivered)[-1] == Act.PRESCRIPTION_CANCELLATION_ANSWERED


def test_a_pharmacy_that_cannot_be_told_is_to_be_called(
    client, delivered, alice, settings
):
    client.force_login(alice)
    cancelled = cancellation.cancel(delivered, by=alice, reason=REASON)

    deliver(cancelled.message, settings, "<Error><Code>900</Code></Error>")

    page = client.get(delivered.get_absolute_url()).content.decode()
    assert "Call the pharmacy now" in page
    assert acts_of(delivered)[-1] == Act.MESSAGE_FAILED


@pytest.mark.both_databases
def test_an_answer_counts_once(delivered, alice):
    cancelled = cancellation.cancel(delivered, by=alice, reason=REASON)
    cancellation.record_response(cancelled, is_approved=False, note="Dispensed")
    cancellation.record_response(cancelled, is_approved=True, note="")

    cancelled.refresh_from_db()
    assert cancelled.is_approved is False
    with pytest.raises(IntegrityError), transaction.atomic():
        Cancellation.objects.update(is_approved=True)


@pytest.mark.both_databases
@pytest.mark.parametrize("column", ["reason", "cancelled_at", "cancelled_by"])
def test_who_cancelled_when_and_why_stays(queued, alice, bob, column):
    cancellation.cancel(queued, by=alice, reason=REASON)
    values = {"reason": "x", "cancelled_at": timezone.now(), "cancelled_by": bob}

    with pytest.raises(IntegrityError), transaction.atomic():
        Cancellation.objects.update(**{column: values[column]})


def test_an_agent_cancels_for_the_practitioner(delivered, sam):
    cancelled = cancellation.cancel(delivered, by=sam, reason=REASON)

    event = Event.objects.get(act=Act.PRESCRIPTION_CANCELLED)
    assert (event.actor, cancelled.cancelled_by) == ("sam", sam)
    assert REASON not in str(event.detail)


@pytest.mark.parametrize("who", ["bob", "mallory"])
def test_nobody_else_cancels(request, delivered, who):
    stranger = request.getfixturevalue(who)

    with pytest.raises(drafts.WritingRefused):
        cancellation.cancel(delivered, by=stranger, reason=REASON)

    delivered.refresh_from_db()
    assert delivered.status == Status.DELIVERED


@pytest.mark.parametrize("state", ["draft", "ready"])
def test_what_is_not_signed_is_discarded_and_not_cancelled(request, alice, state):
    prescription = request.getfixturevalue(state)

    with pytest.raises(drafts.WritingRefused):
        cancellation.cancel(prescription, by=alice, reason=REASON)


def test_it_is_cancelled_once(queued, alice):
    cancellation.cancel(queued, by=alice, reason=REASON)

    with pytest.raises(drafts.WritingRefused):
        cancellation.cancel(queued, by=alice, reason=REASON)


@pytest.mark.cfr("1311.120(b)(19)")
def test_to_change_what_was_signed_is_to_cancel_it_and_sign_anew(delivered, alice):
    draft = cancellation.replace(delivered, by=alice, reason="The dose was wrong.")

    delivered.refresh_from_db()
    assert delivered.status == Status.CANCELLED
    assert (draft.status, draft.ready_digest, draft.signed_at) == ("draft", "", None)
    assert draft.directions == delivered.directions
    assert draft.public_id != delivered.public_id


def test_what_cannot_be_written_again_is_not_cancelled_for_it(delivered, alice, sam):
    alice.memberships.update(left_on=timezone.localdate())

    with pytest.raises(drafts.WritingRefused):
        cancellation.replace(delivered, by=sam, reason="The dose was wrong.")

    delivered.refresh_from_db()
    assert delivered.status == Status.DELIVERED
    assert not Cancellation.objects.exists()


def test_the_page_asks_why_and_cancels(client, delivered, alice):
    client.force_login(alice)
    url = reverse("prescription-cancel", args=[delivered.public_id])
    assert url in client.get(delivered.get_absolute_url()).content.decode()
    assert client.get(url).status_code == 200
    assert client.post(url, {"reason": ""}).status_code == 422
    delivered.refresh_from_db()
    assert delivered.status == Status.DELIVERED

    response = client.post(url, {"reason": REASON})

    assert response.url == delivered.get_absolute_url()
    delivered.refresh_from_db()
    assert delivered.status == Status.CANCELLED


def test_the_page_can_begin_the_changed_one(client, delivered, alice):
    client.force_login(alice)
    url = reverse("prescription-cancel", args=[delivered.public_id])

    response = client.post(url, {"reason": REASON, "then": "write"})

    draft = Prescription.objects.get(status=Status.DRAFT)
    assert response.url == reverse("prescription-edit", args=[draft.public_id])


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_cancelling_and_sending_at_once_never_contradict(queued, alice, attempt):
    message = queued.transmission

    def act(number):
        if number % 2:
            return outbox._claim(message.pk)
        try:
            return cancellation.cancel(queued, by=alice, reason=REASON)
        except drafts.WritingRefused as refusal:
            return refusal

    results = at_once(act, times=8)

    queued.refresh_from_db()
    message.refresh_from_db()
    was_claimed = any(isinstance(one, Transmission) for one in results)
    assert queued.status == Status.CANCELLED
    assert message.state == TransmissionState.WITHDRAWN
    assert (message.attempts > 0) == was_claimed
    has_told = Transmission.objects.filter(cancellation__isnull=False).exists()
    assert has_told == was_claimed
    assert sum(isinstance(one, Cancellation) for one in results) == 1
