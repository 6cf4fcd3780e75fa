"""The audit trail that 21 CFR 1311.120(b)(23) asks for, through the verbs themselves."""

import uuid

import pytest
import responses

from audit.acts import Act
from audit.models import Event
from prescriptions import script
from prescriptions.delivery import outbox
from prescriptions.models import Prescription
from prescriptions.signing import ceremony
from prescriptions.writing import drafts

pytestmark = [pytest.mark.django_db, pytest.mark.cfr("1311.120(b)(23)")]


def told_of(prescription):
    subject = f"prescriptions.prescription:{prescription.public_id}"
    events = Event.objects.filter(subject=subject).order_by("at", "sequence")
    return [(Act(event.act), event.actor, event.outcome) for event in events]


def again(prescription):
    return Prescription.objects.get(pk=prescription.pk)


def alter(draft, alice):
    changed = again(draft)
    changed.note = "With food"
    drafts.alter(changed, by=alice)


def mark_ready(draft, alice):
    ceremony.mark_ready(again(draft), by=alice)


def unmark(draft, alice):
    ceremony.mark_ready(again(draft), by=alice)
    ceremony.unready(again(draft), by=alice)


def discard(draft, alice):
    drafts.discard(again(draft), by=alice)


@pytest.mark.parametrize(
    ("verb", "act"),
    [
        (alter, Act.PRESCRIPTION_ALTERED),
        (mark_ready, Act.PRESCRIPTION_READY),
        (unmark, Act.PRESCRIPTION_UNREADY),
        (discard, Act.PRESCRIPTION_DISCARDED),
    ],
    ids=["alteration", "readiness", "readiness withdrawn", "deletion"],
)
def test_what_is_done_to_a_prescription_is_one_event(draft, alice, verb, act):
    before = len(told_of(draft))
    verb(draft, alice)

    assert told_of(draft)[-1] == (act, "alice", "success")
    assert len(told_of(draft)) - before == (2 if verb is unmark else 1)


def test_creation_is_one_event(draft, sam):
    prescription = again(draft)
    prescription.pk, prescription.public_id = None, uuid.uuid4()
    prescription._state.adding = True

    drafts.create(prescription, by=sam)

    assert told_of(prescription) == [(Act.PRESCRIPTION_CREATED, "sam", "success")]


def test_signing_is_one_event(queued):
    assert (Act.PRESCRIPTION_SIGNED, "alice", "success") in told_of(queued)


@pytest.mark.parametrize(
    ("status", "acts"),
    [
        (422, [Act.PRESCRIPTION_FAILED]),
        (503, [Act.TRANSMISSION_FAILED]),
        (200, [Act.PRESCRIPTION_TRANSMITTED]),
    ],
    ids=["notice of failure", "an attempt that fails", "transmission"],
)
def test_transmission_and_its_failure_are_events(queued, settings, status, acts):
    body = PASSED_ON.format(script.NAMESPACE, queued.transmission.message_id)
    before = len(told_of(queued))

    with responses.RequestsMock() as network:
        network.post(settings.SCRIPT_NETWORK_URL, status=status, body=body)
        outbox.attempt(queued.transmission.pk)

    assert [act for act, _, _ in told_of(queued)[before:]] == acts


PASSED_ON = (
    '<Message xmlns="{}"><Header><RelatesToMessageID>{}</RelatesToMessageID></Header>'
    "<Body><Status><Code>000</Code></Status></Body></Message>"
)
