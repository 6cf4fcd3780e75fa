"""What must always hold, asked of the database alone after every step."""

import json

from django.db.models import Count, F

from audit.acts import Act
from audit.models import Event
from mfa.models import ChallengeState, Purpose
from prescriptions import content, signer, verification
from prescriptions.models import (
    SINCE_SIGNING,
    TRANSITIONS,
    Prescription,
    PrintoutKind,
    SignedRecord,
    Status,
    Transmission,
)
from tests.prescriptions.machine.wire import fields_of

# The transition that each act on a prescription tells of.
LEADS_TO = {
    Act.PRESCRIPTION_CREATED: Status.DRAFT,
    Act.PRESCRIPTION_READY: Status.READY,
    Act.PRESCRIPTION_UNREADY: Status.DRAFT,
    Act.PRESCRIPTION_DISCARDED: Status.DISCARDED,
    Act.PRESCRIPTION_SIGNED: Status.QUEUED,
    Act.PRESCRIPTION_TRANSMITTED: Status.TRANSMITTED,
    Act.PRESCRIPTION_DELIVERED: Status.DELIVERED,
    Act.PRESCRIPTION_FAILED: Status.FAILED,
    Act.PRESCRIPTION_CANCELLED: Status.CANCELLED,
    Act.PRESCRIPTION_PRINTED: Status.PRINTED,
}


def nothing_is_queued_without_a_signature_and_a_used_challenge():
    """DESIGN 8.1; 21 CFR 1311.120(b)(15), (18), 1311.140(c)."""
    unsigned = Prescription.objects.filter(status__in=SINCE_SIGNING, signed_record=None)
    assert not unsigned.exists()
    orders = Transmission.objects.filter(prescription__isnull=False)
    assert not orders.filter(prescription__signed_record=None).exists()
    for record in SignedRecord.objects.select_related("challenge", "prescription"):
        challenge = record.challenge
        together = [
            one.prescription.ready_digest
            for one in SignedRecord.objects.filter(challenge=challenge)
        ]
        assert signer.verify(record.jws) == record.payload.encode()
        assert challenge.state == ChallengeState.CONSUMED
        assert challenge.purpose == Purpose.SIGN
        assert challenge.payload_digest == content.digest_over(together)
        assert challenge.device_id == record.device_id


def the_signer_is_the_owner_of_the_number_and_of_the_mark():
    """DESIGN 8.2; 21 CFR 1311.120(b)(12)."""
    signed = SignedRecord.objects.all()
    own = signed.filter(
        signer=F("prescription__prescriber__user"),
        prescription__ready_by=F("signer"),
        prescription__dea_registration__provider__user=F("signer"),
        challenge__user=F("signer"),
        device__user=F("signer"),
    )
    assert signed.count() == own.count()


def no_challenge_is_used_for_two_ceremonies():
    """DESIGN 8.3."""
    moments = SignedRecord.objects.values("challenge").annotate(
        moments=Count("signed_at", distinct=True)
    )
    assert all(one["moments"] == 1 for one in moments)


def what_was_sent_is_what_was_archived():
    """DESIGN 8.4; 21 CFR 1311.170(e)."""
    for record in SignedRecord.objects.select_related(
        "prescription__transmission",
        "prescription__patient",
        "challenge",
        "device",
        "key",
    ):
        assert verification.problem_with(record) == ""
        sent = fields_of(bytes(record.prescription.transmission.xml))
        signed = json.loads(record.payload)["content"]
        assert sent == {
            "patient": signed["patient"]["last_name"],
            "drug": signed["drug"]["name"],
            "directions": signed["directions"],
            "quantity": signed["quantity"],
            "refills": str(signed["refills"]),
            "written": signed["issued_on"],
            "dea_number": signed["prescriber"]["dea_number"],
        }


def what_is_on_paper_or_taken_back_is_not_sent():
    """DESIGN 8.4; 21 CFR 1311.120(b)(19)-(20), 1311.170(d)."""
    ended = Transmission.objects.filter(
        prescription__status__in=[Status.PRINTED, Status.CANCELLED, Status.FAILED]
    )
    assert not ended.filter(state__in=["waiting", "sending"]).exists()
    printed = ended.filter(prescription__status=Status.PRINTED)
    assert not printed.exclude(state="failed").exists()


def every_transition_has_exactly_one_event():
    """DESIGN 8.5: the record alone tells how each prescription came to where it is."""
    told: dict[str, list[Status]] = {}
    for event in Event.objects.filter(act__in=LEADS_TO).order_by("at", "sequence"):
        if event.detail.get("kind") != PrintoutKind.REPRINT:  # of the same original
            told.setdefault(event.subject_id, []).append(LEADS_TO[Act(event.act)])
    for prescription in Prescription.objects.all():
        path = told[str(prescription.public_id)]
        assert path[0] == Status.DRAFT
        assert path[-1] == prescription.status, path
        for before, after in zip(path, path[1:], strict=False):
            assert after in TRANSITIONS[before]


def nobody_sees_another_practice(users):
    """DESIGN 8.6."""
    for user in users:
        own = set(
            user.memberships.filter(left_on=None).values_list("practice", flat=True)
        )
        seen = Prescription.objects.visible_to(user).values_list("practice", flat=True)
        assert set(seen) <= own
