"""The outbox: the same bytes until there is an answer, each step on record once."""

from datetime import timedelta

import pytest
import requests
import responses
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from audit.acts import Act
from audit.models import Event
from prescriptions import script, verification
from prescriptions.delivery import outbox
from prescriptions.delivery.network import LARGEST_ANSWER
from prescriptions.models import Prescription, Status, Transmission, TransmissionState
from tests.prescriptions.delivery.replies import (
    ACCEPTED,
    REJECTED,
    acts_since_queued,
    says,
    state,
)
from tests.prescriptions.factories import sign
from tests.threads import at_once

pytestmark = pytest.mark.django_db

BUSY = "<Error><Code>602</Code><Description>Busy</Description></Error>"
UNANSWERED = [
    {"body": says(BUSY)},
    {"body": says("<Error><Code>600</Code></Error>")},
    {"body": "<html>Gateway</html>"},
    {"body": ""},
    {"body": says(ACCEPTED, "another-message")},
    {"body": says(ACCEPTED, "")},
    {"body": says(REJECTED, "")},
    {"status": 401},
    {"status": 403},
    {"status": 404},
    {"status": 409},
    {"body": b"x" * (LARGEST_ANSWER + 1)},
    {"status": 500},
    {"status": 503},
    {"status": 429},
    {"status": 408},
    {"status": 302, "headers": {"Location": "https://elsewhere.test/"}},
    {"body": requests.ConnectionError()},
    {"body": requests.Timeout()},
    {"body": requests.exceptions.ChunkedEncodingError()},
]


@pytest.mark.parametrize("answer", UNANSWERED)
def test_without_an_answer_the_same_bytes_go_out_again(message, network, answer):
    network.post(network.url, **answer)
    outbox.attempt(message.pk)
    assert state(message) == ("waiting", Status.QUEUED)
    network.upsert(responses.POST, network.url, body=says(ACCEPTED, message.message_id))

    with time_machine.travel(timezone.now() + timedelta(seconds=6)):
        outbox.attempt(message.pk)

    assert state(message) == ("delivered", Status.DELIVERED)
    first, second = [call.request.body for call in network.calls]
    assert first == second == bytes(message.xml)
    assert message.attempts == 2
    assert acts_since_queued(message)[0] == Act.TRANSMISSION_FAILED


def test_the_delay_grows(message, network):
    network.post(network.url, status=500)
    delays = []
    now = timezone.now()
    for _ in range(6):
        with time_machine.travel(now, tick=False):
            outbox.attempt(message.pk)
            message.refresh_from_db()
            delays.append(round((message.next_attempt_at - now).total_seconds()))
        now = message.next_attempt_at

    assert delays == [5, 15, 60, 300, 900, 900]


def test_before_its_time_nothing_is_sent(message, network):
    network.post(network.url, status=500)
    outbox.attempt(message.pk)

    assert outbox.attempt(message.pk) == "nothing to do"
    assert len(network.calls) == 1


def test_after_a_day_without_an_answer_it_has_failed(message, network):
    network.post(network.url, status=500)

    with time_machine.travel(timezone.now() + timedelta(hours=24)):
        outbox.attempt(message.pk)

    assert state(message) == ("failed", Status.FAILED)
    assert "for a day" in Prescription.objects.get().failure_reason


def test_a_delivered_message_is_not_sent_again(message, network):
    network.post(network.url, body=says(ACCEPTED))
    outbox.attempt(message.pk)

    assert outbox.attempt(message.pk) == "nothing to do"
    assert len(network.calls) == 1


@pytest.mark.both_databases
def test_a_process_killed_while_sending_is_taken_over_after_its_lease(message, network):
    network.post(network.url, body=says(ACCEPTED))
    outbox._claim(message.pk)
    assert outbox.attempt(message.pk) == "nothing to do"

    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert outbox.sweep() == 1
        outbox.attempt(message.pk)

    assert state(message) == ("delivered", Status.DELIVERED)


@pytest.mark.both_databases
def test_a_late_answer_does_not_overwrite_who_took_over(message):
    late = outbox._claim(message.pk)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        current = outbox._claim(message.pk)
        outbox._record_result(
            late, script.DeliveryResult(script.Outcome.REJECTED, "900")
        )
        assert state(message) == ("sending", Status.QUEUED)
        outbox._record_result(
            current, script.DeliveryResult(script.Outcome.ACCEPTED, "010")
        )

    assert state(message) == ("delivered", Status.DELIVERED)


@pytest.mark.both_databases
def test_if_the_event_cannot_be_written_the_answer_is_asked_for_again(
    message, network, settings
):
    network.post(network.url, body=says(ACCEPTED))
    good_keys = settings.AUDIT_KEYS
    settings.AUDIT_KEYS = [("a2", "not bytes"), *good_keys]
    with pytest.raises(TypeError):
        outbox.attempt(message.pk)
    settings.AUDIT_KEYS = good_keys
    assert state(message) == ("sending", Status.QUEUED)

    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        outbox.attempt(message.pk)

    assert state(message) == ("delivered", Status.DELIVERED)


def test_the_sweep_leaves_alone_what_was_just_enqueued(message):
    assert outbox.sweep() == 0
    with time_machine.travel(timezone.now() + timedelta(seconds=21)):
        assert outbox.sweep() == 1
        assert outbox.sweep() == 0
    assert DBTaskResult.objects.count() == 2  # of the signature, and of the sweep


@pytest.mark.both_databases
@pytest.mark.cfr("1311.170(a)")
def test_committing_a_signature_enqueues_it(
    ready, phone, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        sign(ready, phone)

    [task] = DBTaskResult.objects.all()
    assert task.args_kwargs["args"] == [Transmission.objects.get().pk]


@pytest.mark.cfr("1311.170(a)")
def test_what_is_signed_is_due_at_once_and_enqueued_with_its_signature(
    ready, phone, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        record = sign(ready, phone)

    message = Transmission.objects.get()
    assert message.state == "waiting"
    assert message.next_attempt_at == message.created_at == record.signed_at
    assert DBTaskResult.objects.count() == 1


@pytest.mark.cfr("1311.170(a)")
def test_no_worker_leaves_it_longer_than_the_sweep_and_its_delays(message, network):
    """A lost task costs 20 seconds, an unanswered attempt at most 15 minutes."""
    network.post(network.url, status=500)
    with time_machine.travel(message.created_at + timedelta(seconds=21)):
        assert outbox.sweep() == 1
        outbox.attempt(message.pk)
    for _ in range(10):
        message.refresh_from_db()
        wait = message.next_attempt_at - message.last_attempt_at
        assert wait <= timedelta(minutes=15, seconds=1)
        with time_machine.travel(message.next_attempt_at + timedelta(seconds=1)):
            assert outbox.sweep() == 1
            outbox.attempt(message.pk)


@pytest.mark.cfr("1311.170(a)")
def test_nothing_signed_can_be_told_to_wait(draft):
    """A day to fill it is content; no state and no field holds the message back."""
    states = {state.value for state in TransmissionState}
    assert states == {
        "waiting",
        "sending",
        "transmitted",
        "delivered",
        "failed",
        "withdrawn",
    }
    assert not {"hold", "send_at", "send_on", "not_before"} & {
        field.name
        for model in (Prescription, Transmission)
        for field in model._meta.get_fields()
    }


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(18)")
@pytest.mark.cfr("1311.140(c)")
@pytest.mark.parametrize("status", ["draft", "ready", "printed", "discarded"])
def test_no_message_of_what_is_not_signed_can_exist(draft, ready, status):
    one = draft if status != "ready" else ready
    if status in ("printed", "discarded"):
        Prescription.objects.filter(pk=one.pk).update(status=status)

    with pytest.raises(IntegrityError), transaction.atomic():
        outbox.add(
            Transmission(prescription=one, message_id="m", xml=b"<Message/>"),
            now=timezone.now(),
        )


def test_a_message_that_was_tampered_with_is_on_record_once(message, network):
    problem = "what was sent is not what was signed: quantity."

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "problem_with", lambda record: problem)
        for _ in range(3):
            outbox.attempt(message.pk)
            message.refresh_from_db()
            Transmission.objects.update(next_attempt_at=timezone.now())

    assert len(network.calls) == 0
    [event] = Event.objects.filter(act=Act.MESSAGE_KEPT_BACK)
    assert (event.outcome, event.detail["problem"]) == ("failure", problem)


def test_a_waiting_message_can_be_sent_at_once(message, network, alice):
    network.post(network.url, status=500)
    outbox.attempt(message.pk)
    network.upsert(responses.POST, network.url, body=says(ACCEPTED, message.message_id))

    outbox.retry_now(message, by=alice)
    outbox.attempt(message.pk)

    assert state(message) == ("delivered", Status.DELIVERED)
    assert Act.TRANSMISSION_RETRIED in acts_since_queued(message)


def test_another_practice_cannot_push_it(message, bob):
    with pytest.raises(outbox.RetryRefused):
        outbox.retry_now(message, by=bob)


def test_an_answered_message_cannot_be_pushed(message, network, alice):
    network.post(network.url, body=says(REJECTED))
    outbox.attempt(message.pk)

    with pytest.raises(outbox.RetryRefused, match="answered"):
        outbox.retry_now(message, by=alice)


@pytest.mark.cfr("1311.120(b)(19)")
def test_a_cancelled_prescription_is_not_sent(message, network):
    Prescription.objects.update(status=Status.CANCELLED)

    assert outbox.attempt(message.pk) == "nothing to do"
    assert len(network.calls) == 0


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_one_of_many_workers_sends_it(message, attempt):
    results = at_once(lambda _: outbox._claim(message.pk), times=8)

    claimed = [one for one in results if isinstance(one, Transmission)]
    assert len(claimed) == 1
    assert results.count(None) == 7
