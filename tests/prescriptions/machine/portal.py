"""Two practices, six people, three drugs, one network, and time that passes.

Every act may be refused by name; any other error ends the walk.
"""

from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
import responses
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from django.utils import timezone

from mfa import challenges, devices, refusals
from mfa.models import Device, Intent, Purpose
from prescriptions import content, signer
from prescriptions.delivery import cancellation, outbox
from prescriptions.models import Prescription, SignedRecord, Status, Transmission
from prescriptions.signing import ceremony
from prescriptions.writing import drafts, printing
from providers.models import DeaRegistration, Membership
from tests import factories
from tests.factories import PASSWORD, code_of
from tests.prescriptions.factories import (
    SESSION,
    make_draft,
    make_drug,
    make_patient,
    make_pharmacy,
)
from tests.prescriptions.machine import wire

REFUSALS = (
    ceremony.NotSignable,
    refusals.NotProven,
    devices.DeviceChangeRefused,
    signer.SignerUnavailable,
    drafts.WritingRefused,
    outbox.RetryRefused,
)
DRUGS = [
    "Oxycodone hydrochloride 5 mg tablet",
    "Alprazolam 0.5 mg tablet",
    "Pregabalin 50 mg capsule",
]


@contextmanager
def walking(random):
    """Open the practices, and close them without a trace."""
    with transaction.atomic(), time_machine.travel(timezone.now(), tick=False) as now:
        # As TestCase does, so that durable transactions may stand inside.
        connection.atomic_blocks[-1]._from_testcase = True
        yield Portal(random, now)
        transaction.set_rollback(True)


class Portal:
    def __init__(self, random, now):
        self.random, self.now = random, now
        here, there = factories.make_practice(), factories.make_practice(state="CA")
        self.people = {
            "alice": factories.make_ready_provider("alice", practice=here),
            "carol": factories.make_ready_provider("carol", practice=here),
            "bob": factories.make_ready_provider("bob", practice=there),
            "sam": factories.make_agent("sam", practice=here),
            "root": factories.make_user("root", is_staff=True, is_superuser=True),
            "mallory": factories.make_user("mallory"),
        }
        self.patients = [make_patient(here), make_patient(here), make_patient(there)]
        self.pharmacy = make_pharmacy()
        self.passed, self.accepted = [], set()

    def a_moment_passes(self):
        self.now.shift(timedelta(milliseconds=1))  # so that events have an order

    def statuses(self):
        return Prescription.objects.values_list("status", flat=True)

    def attempt(self, verb, *args, **kwargs):
        try:
            return verb(*args, **kwargs)
        except REFUSALS:
            return None

    def is_so(self, chance):
        return self.random.random() < chance

    def some_prescription(self, *statuses):
        rows = Prescription.objects.order_by("-pk")
        if statuses and self.is_so(0.8):
            rows = rows.filter(status__in=statuses)
        rows = list(rows[:6])
        return self.random.choice(rows) if rows else None

    def somebody(self, prescription=None):
        """Mostly the prescriber, else anybody."""
        if prescription and self.is_so(0.75):
            return prescription.prescriber.user
        return self.random.choice(list(self.people.values()))


def write(portal):
    prescriber = portal.random.choice(["alice", "alice", "carol", "bob"])
    provider = portal.people[prescriber].provider
    own = portal.patients[2:] if prescriber == "bob" else portal.patients[:2]
    patients = own if portal.is_so(0.9) else portal.patients
    by = provider.user if portal.is_so(0.6) else portal.somebody()
    portal.attempt(
        make_draft,
        provider,
        by=by,
        patient=portal.random.choice(patients),
        drug=make_drug(portal.random.choice(DRUGS)),
        pharmacy=portal.pharmacy,
        refills=portal.random.choice([0, 0, 0, 1, 6]),
    )


def alter(portal):
    if prescription := portal.some_prescription(Status.DRAFT, Status.READY):
        if portal.is_so(0.5):
            prescription.quantity = Decimal(portal.random.randint(1, 90))
        else:
            prescription.drug = make_drug(portal.random.choice(DRUGS))
        by = portal.somebody(prescription)
        portal.attempt(drafts.alter, prescription, by=by)


def mark_ready(portal):
    _do(portal, ceremony.mark_ready, Status.DRAFT)


def take_the_mark_back(portal):
    _do(portal, ceremony.unready, Status.READY)


def discard(portal):
    _do(portal, drafts.discard, Status.DRAFT, Status.READY)


def copy(portal):
    _do(portal, drafts.copy, Status.FAILED)


def cancel(portal):
    sent = [Status.QUEUED, Status.TRANSMITTED, Status.DELIVERED]
    verb = portal.random.choice([cancellation.cancel, cancellation.replace])
    _do(portal, verb, *sent, reason="taken back")


def print_it(portal):
    verb, status = portal.random.choice(
        [
            (printing.original, Status.DRAFT),
            (printing.original, Status.READY),
            (printing.after_failure, Status.FAILED),
            (printing.copy, Status.DELIVERED),
            (printing.reprint, Status.PRINTED),
        ]
    )
    _do(portal, verb, status)


def prove_and_sign(portal):
    if not (prescription := portal.some_prescription(Status.READY)):
        return
    user, chosen = portal.somebody(prescription), [prescription]
    if portal.is_so(0.4):
        ready = Prescription.objects.filter(status=Status.READY)
        chosen = list(ready.filter(prescriber=prescription.prescriber)) or chosen
    if portal.is_so(0.8):
        portal.now.shift(timedelta(seconds=31))  # the next code
    mine = Device.objects.filter(user=user) if portal.is_so(0.9) else Device.objects
    if not (owned := list(mine.all())):
        return
    device = portal.random.choice(owned)
    code = code_of(device) if portal.is_so(0.9) else "000000"
    intent = Intent(
        user,
        Purpose.SIGN if portal.is_so(0.95) else Purpose.RETIRE_DEVICE,
        content.payload_digest(chosen),
        SESSION,
    )
    challenge = portal.attempt(
        challenges.prove,
        intent,
        device=device,
        password=PASSWORD if portal.is_so(0.95) else "wrong",
        code=code,
    )
    if challenge:
        assert (device.pk, code) not in portal.accepted, "a code worked twice"
        portal.accepted.add((device.pk, code))
        portal.passed.append(challenge)
        if portal.is_so(0.9):
            _sign(portal, user, chosen, challenge)


def sign_with_an_old_proof(portal):
    if portal.passed and (prescription := portal.some_prescription(Status.READY)):
        challenge = portal.random.choice(portal.passed)
        challenge.refresh_from_db()
        _sign(portal, portal.somebody(prescription), [prescription], challenge)


def ask_the_network(portal):
    waiting = list(Transmission.objects.filter(state="waiting"))
    if not waiting:
        return
    message = portal.random.choice(waiting)
    kind = portal.random.choice([*wire.ANSWERS, "no answer at all"])
    if portal.is_so(0.7):
        portal.now.shift(timedelta(minutes=16))  # the longest delay
    with responses.RequestsMock(assert_all_requests_are_fired=False) as network:
        if kind in wire.ANSWERS:
            answer = wire.answer(kind, to=message.message_id)
            network.post("https://network.test/script", body=answer)
        outbox.attempt(message.pk)


def somebody_may_sign_no_more(portal):
    user, today = portal.somebody(), timezone.localdate()
    if portal.is_so(0.5):
        Membership.objects.filter(user=user).update(left_on=today)
    else:
        ended = {"ended_on": today - timedelta(days=1)}
        DeaRegistration.objects.filter(provider__user=user).update(**ended)


def all_is_well_again(portal):
    Membership.objects.update(left_on=None)
    DeaRegistration.objects.update(ended_on=None)


def a_day_passes(portal):
    portal.now.shift(timedelta(days=1))


def try_while_something_is_out_of_order(portal):
    if prescription := portal.some_prescription(Status.DRAFT):
        by = prescription.prescriber.user
        with (
            override_settings(SCRIPT_NETWORK_URL=""),
            pytest.raises(ceremony.NotSignable),
        ):
            ceremony.mark_ready(prescription, by=by)


def tamper_with_sql(portal):
    signed = list(Prescription.objects.filter(signed_record__isnull=False))
    if not signed:
        return
    row = portal.random.choice(signed)
    column, value = portal.random.choice(
        [("quantity", 77), ("refills", 3), ("status", Status.DRAFT), ("patient_id", 1)]
    )
    if getattr(row, column) == value:
        return
    with (
        pytest.raises(DatabaseError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"UPDATE prescriptions_prescription SET {column} = %s WHERE id = %s",
            [value, row.pk],
        )


def _do(portal, verb, *statuses, **said):
    if prescription := portal.some_prescription(*statuses):
        portal.attempt(verb, prescription, by=portal.somebody(prescription), **said)


def _sign(portal, user, chosen, challenge):
    before = SignedRecord.objects.count()
    records = portal.attempt(
        ceremony.sign, chosen, by=user, challenge=challenge, session_key=SESSION
    )
    made = len(chosen) if records else 0
    assert SignedRecord.objects.count() == before + made, "all of them or none"


ACTS = {
    write: 8,
    alter: 3,
    mark_ready: 14,
    take_the_mark_back: 2,
    discard: 2,
    copy: 3,
    cancel: 3,
    print_it: 4,
    prove_and_sign: 14,
    sign_with_an_old_proof: 4,
    ask_the_network: 10,
    somebody_may_sign_no_more: 1,
    all_is_well_again: 4,
    a_day_passes: 1,
    try_while_something_is_out_of_order: 2,
    tamper_with_sql: 3,
}
