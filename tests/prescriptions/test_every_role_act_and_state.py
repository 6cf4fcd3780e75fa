"""Every role against every act in every state, by the verbs and over HTTP.

Each expectation is written out; none is computed from the table of permissions.
"""

from contextlib import contextmanager
from copy import deepcopy

import pytest
from django.db import transaction
from django.urls import reverse

from foundation.refusals import Refused
from mfa.models import Device
from prescriptions import content, script
from prescriptions.delivery import cancellation, outbox, outcomes
from prescriptions.models import (
    Cancellation,
    Prescription,
    Printout,
    SignedRecord,
    Status,
    Transmission,
)
from prescriptions.signing import ceremony
from prescriptions.writing import drafts, printing
from providers.models import Membership, Role
from tests.factories import (
    PASSWORD,
    code_of,
    make_agent,
    make_designee,
    make_device,
    make_ready_provider,
    make_user,
)
from tests.prescriptions.factories import (
    SESSION,
    make_draft,
    make_patient,
    make_ready,
    prove,
)

pytestmark = pytest.mark.django_db

STATES = [
    Status.DRAFT,
    Status.READY,
    Status.QUEUED,
    Status.TRANSMITTED,
    Status.DELIVERED,
    Status.FAILED,
    Status.CANCELLED,
    Status.DISCARDED,
    Status.PRINTED,
]
# The columns are the states, in that order; x is done and . is refused.
PRACTITIONER = """
edit                 x x . . . . . . .
discard              x x . . . . . . .
copy                 . . . . . x x . .
ready                x . . . . . . . .
unready              . x . . . . . . .
sign                 . x . . . . . . .
cancel               . . x x x . . . .
print copy           . . x x x x x . .
print after-failure  . . . . . x . . .
print on-paper       x x . . . . . . .
print again          . . . . . . . . x
send-now             . . x . . . . . .
"""
WRITER = """
edit                 x x . . . . . . .
discard              x x . . . . . . .
copy                 . . . . . x x . .
ready                . . . . . . . . .
unready              . . . . . . . . .
sign                 . . . . . . . . .
cancel               . . x x x . . . .
print copy           . . x x x x x . .
print after-failure  . . . . . x . . .
print on-paper       x x . . . . . . .
print again          . . . . . . . . x
send-now             . . x . . . . . .
"""
MEMBER = """
edit                 . . . . . . . . .
discard              . . . . . . . . .
copy                 . . . . . . . . .
ready                . . . . . . . . .
unready              . . . . . . . . .
sign                 . . . . . . . . .
cancel               . . . . . . . . .
print copy           . . . . . . . . .
print after-failure  . . . . . . . . .
print on-paper       . . . . . . . . .
print again          . . . . . . . . .
send-now             . . x . . . . . .
"""
NOBODY = """
edit                 . . . . . . . . .
discard              . . . . . . . . .
copy                 . . . . . . . . .
ready                . . . . . . . . .
unready              . . . . . . . . .
sign                 . . . . . . . . .
cancel               . . . . . . . . .
print copy           . . . . . . . . .
print after-failure  . . . . . . . . .
print on-paper       . . . . . . . . .
print again          . . . . . . . . .
send-now             . . . . . . . . .
"""
EXPECTED = {
    "the practitioner on it": PRACTITIONER,
    "a practitioner of the same practice": WRITER,
    "an agent": WRITER,
    "an agent who is a superuser": WRITER,
    "an administrator of the practice": MEMBER,
    "an access manager of the practice": MEMBER,
    "an agent who left": NOBODY,
    "a practitioner of another practice": NOBODY,
    "an agent of another practice": NOBODY,
    "an administrator of the portal": NOBODY,
    "a superuser": NOBODY,
    "somebody else": NOBODY,
}
REASON = "The patient is allergic to it."
# What the network answered to each that was signed.
WAYS_ON = {
    Status.QUEUED: None,
    Status.TRANSMITTED: script.Outcome.PASSED_ON,
    Status.DELIVERED: script.Outcome.ACCEPTED,
    Status.FAILED: script.Outcome.REJECTED,
    Status.CANCELLED: None,
}
ACTS = [line[:20].strip() for line in NOBODY.strip().splitlines()]


@pytest.fixture
def people(alice, sam, bob, mallory, practice):
    """One person in each role, each with a device to answer with."""
    elsewhere = bob.memberships.get().practice
    members = {
        "an administrator of the practice": make_user("admin"),
        "an access manager of the practice": make_user("manager"),
    }
    for user in members.values():
        Membership.objects.create(user=user, practice=practice, role=Role.ADMINISTRATOR)
    make_designee(members["an access manager of the practice"], practice=practice)
    gone, root = (make_agent(name, practice=practice) for name in ("gone", "root"))
    gone.memberships.update(left_on="2020-01-01")
    root.is_staff = root.is_superuser = True
    root.save()
    cast = {
        "the practitioner on it": alice,
        "a practitioner of the same practice": make_ready_provider(
            "carol", practice=practice
        ),
        "an agent": sam,
        "an agent who is a superuser": root,
        **members,
        "an agent who left": gone,
        "a practitioner of another practice": bob,
        "an agent of another practice": make_agent("ann", practice=elsewhere),
        "an administrator of the portal": make_user("staff", is_staff=True),
        "a superuser": make_user("super", is_staff=True, is_superuser=True),
        "somebody else": mallory,
    }
    for user in cast.values():
        if not user.mfa_devices.exists():
            make_device(user, name="A phone", is_primary=True)
    return cast


@pytest.fixture
def prescriptions(alice, phone, practice):
    """One prescription in each state, brought there as it would be."""
    made = {
        status: make_draft(alice.provider)
        for status in (Status.DRAFT, Status.DISCARDED, Status.PRINTED)
    }
    drafts.discard(made[Status.DISCARDED], by=alice)
    printing.original(made[Status.PRINTED], by=alice)
    made[Status.READY] = make_ready(alice.provider)
    patient = make_patient(practice)
    signed = [make_ready(alice.provider, patient=patient) for _ in WAYS_ON]
    challenge = prove(signed, phone)
    ceremony.sign(signed, by=alice, challenge=challenge, session_key=SESSION)
    for (status, outcome), prescription in zip(WAYS_ON.items(), signed, strict=True):
        made[status] = prescription
        if outcome:
            message = Transmission.objects.get(prescription=prescription)
            outcomes.apply(message, script.DeliveryResult(outcome))
    cancellation.cancel(made[Status.CANCELLED], by=alice, reason=REASON)
    Device.objects.update(last_step=-1)  # the code of now signs once more
    return {status: made[status] for status in STATES}


def now(prescription):
    """Return the row as the database has it."""
    return Prescription.objects.select_related(*Prescription.SHOWN_WITH).get(
        pk=prescription.pk
    )


def picture():
    """Everything that an act could have changed."""
    columns = ["pk", "status", "quantity", "version", "ready_digest"]
    return (
        list(Prescription.objects.order_by("pk").values_list(*columns)),
        SignedRecord.objects.count(),
        Cancellation.objects.count(),
        Printout.objects.count(),
        list(Transmission.objects.order_by("pk").values_list("pk", "enqueued_at")),
    )


@contextmanager
def undone():
    """Undo afterwards what happens in between, however often that is."""
    here = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(here)


def edit(prescription, by):
    prescription.quantity = 7
    drafts.alter(prescription, by=by)


def sign(prescription, by):
    challenge = prove([prescription], by.mfa_devices.get())
    ceremony.sign([prescription], by=by, challenge=challenge, session_key=SESSION)


def cancel(prescription, by):
    cancellation.cancel(prescription, by=by, reason=REASON)


def send_now(prescription, by):
    message = Transmission.objects.filter(prescription=prescription).first()
    if message is None:
        raise Refused("It has no message.")  # the page answers 404
    outbox.retry_now(message, by=by)


VERBS = {
    "edit": edit,
    "discard": lambda prescription, by: drafts.discard(prescription, by=by),
    "copy": lambda prescription, by: drafts.copy(prescription, by=by),
    "ready": lambda prescription, by: ceremony.mark_ready(prescription, by=by),
    "unready": lambda prescription, by: ceremony.unready(prescription, by=by),
    "sign": sign,
    "cancel": cancel,
    "print copy": lambda prescription, by: printing.copy(prescription, by=by),
    "print after-failure": lambda prescription, by: printing.after_failure(
        prescription, by=by
    ),
    "print on-paper": lambda prescription, by: printing.original(prescription, by=by),
    "print again": lambda prescription, by: printing.reprint(prescription, by=by),
    "send-now": send_now,
}


def is_done_by_verb(act, prescription, by, before):
    """Return True if the verb did it; then, and only then, something has changed."""
    try:
        VERBS[act](prescription, by)
    except Refused:
        assert picture() == before
        return False
    assert picture() != before
    return True


def posted(act, prescription, user):
    """Return what the page of an act sends."""
    if act == "edit":
        return {
            "prescriber": prescription.prescriber_id,
            "drug": prescription.drug_id,
            "quantity": "7",
            "refills": "0",
            "directions": prescription.directions,
            "pharmacy": prescription.pharmacy_id,
            "shown_version": prescription.version,
        }
    data = {"shown_digest": content.digest(prescription), "reason": REASON}
    if act == "sign":
        device = user.mfa_devices.get()
        data |= {"password": PASSWORD, "code": code_of(device), "device": device.pk}
    return data | {"destroyed": "on"}


def is_done_by_page(client, act, prescription, user, before):
    """Return True if the page did it; otherwise it answered that it did not."""
    name, *way = act.split()
    response = client.post(
        reverse(f"prescription-{name}", args=[prescription.public_id, *way]),
        posted(act, prescription, user),
    )
    if picture() != before:
        assert response.status_code in (200, 302)
        return True
    assert response.status_code in (302, 403, 404, 409, 422)
    return False


def grid(is_done, prescriptions):
    """Return which act was done in which state, written as it is expected."""
    lines, before = [""], picture()
    rows = [now(prescription) for prescription in prescriptions.values()]
    for act in ACTS:
        cells = []
        for row in rows:
            with undone():
                cells.append("x" if is_done(act, deepcopy(row), before) else ".")
        lines.append(f"{act:<20} {' '.join(cells)}")
    return "\n".join([*lines, ""])


def test_every_state_and_act_is_asked(prescriptions):
    assert {*STATES, Status.SIGNED} == {*Status}  # nothing enters the latter
    assert [now(each).status for each in prescriptions.values()] == STATES
    assert [*VERBS] == ACTS


@pytest.mark.cfr("1311.100(b)(1)")
@pytest.mark.cfr("1311.120(b)(2)(i)")
@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.cfr("1311.120(b)(12)")
@pytest.mark.cfr("1311.135(a)")
def test_each_verb_is_done_by_whom_and_when_it_may(subtests, people, prescriptions):
    assert people.keys() == EXPECTED.keys()
    for role, user in people.items():
        with subtests.test(role):

            def is_done(act, prescription, before, user=user):
                return is_done_by_verb(act, prescription, user, before)

            assert grid(is_done, prescriptions) == EXPECTED[role]


@pytest.mark.slow
@pytest.mark.cfr("1311.120(b)(2)(i)")
@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.cfr("1311.120(b)(12)")
@pytest.mark.cfr("1311.135(a)")
def test_each_page_is_done_by_whom_and_when_it_may(
    client, subtests, people, prescriptions
):
    for role, user in people.items():
        client.force_login(user)
        with subtests.test(role):

            def is_done(act, prescription, before, user=user):
                return is_done_by_page(client, act, prescription, user, before)

            assert grid(is_done, prescriptions) == EXPECTED[role]
