"""Ready and sign, called the way a page, an API or a shell would."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from audit.acts import Act, Outcome
from audit.models import ChainHead, Event
from mfa import refusals
from mfa.models import Challenge, ChallengeState, Purpose
from prescriptions import content, script, signer
from prescriptions.models import (
    Prescription,
    SignedRecord,
    SigningKey,
    Status,
    Transmission,
)
from prescriptions.signing import ceremony, review
from prescriptions.writing import drafts
from tests.factories import make_device, make_provider
from tests.prescriptions.factories import (
    SESSION,
    make_draft,
    make_drug,
    make_patient,
    make_ready,
    prove,
    sign,
)

pytestmark = pytest.mark.django_db


def refused(prescriptions, challenge, *, by, session_key=SESSION):
    """Expect a refusal that changes nothing, and return its text."""
    before = list(Prescription.objects.order_by("pk").values())
    with pytest.raises((ceremony.NotSignable, refusals.NotProven)) as refusal:
        ceremony.sign(
            prescriptions, by=by, challenge=challenge, session_key=session_key
        )
    assert list(Prescription.objects.order_by("pk").values()) == before
    assert not SignedRecord.objects.exists()
    assert not Transmission.objects.exists()
    newest = Event.objects.filter(outcome=Outcome.FAILURE).latest("at")
    assert newest.act in (Act.SIGNING_REFUSED, Act.SIGNING_BLOCKED)
    assert newest.actor == by.get_username()
    return str(refusal.value)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(15)")
@pytest.mark.cfr("1311.120(b)(14)")
@pytest.mark.cfr("1311.140(a)(6)")
@pytest.mark.cfr("1311.170(a)")
def test_signing_archives_a_signed_record_and_queues(ready, phone):
    record = sign(ready, phone)

    assert ready.status == Status.QUEUED
    assert ready.issued_on == ready.practice.today()
    assert signer.verify(record.jws) == record.payload.encode()
    signed = json.loads(record.payload)
    assert signed["content"] == content.canonical(ready)
    assert signed["content_digest"] == ready.ready_digest == content.digest(ready)
    assert signed["device"] == {"id": str(phone.public_id), "nickname": "MyiPhone"}
    assert signed["signed_at"] == content.timestamp(ready.signed_at)
    assert signed["signed_at"].endswith("Z")
    assert signed["key_id"] == SigningKey.objects.get().kid
    challenge = Challenge.objects.get(public_id=signed["challenge"])
    assert challenge.state == ChallengeState.CONSUMED


@pytest.mark.cfr("1311.120(b)(23)")
def test_every_step_is_one_event_in_the_chain_of_the_signer(ready, phone):
    sign(ready, phone)

    subject = f"prescriptions.prescription:{ready.public_id}"
    acts = Event.objects.filter(subject=subject).order_by("sequence")
    assert [(event.act, event.stream) for event in acts] == [
        (act, f"user:{phone.user_id}")
        for act in [
            Act.PRESCRIPTION_CREATED,
            Act.PRESCRIPTION_READY,
            Act.PRESCRIPTION_SIGNED,
            Act.PRESCRIPTION_QUEUED,
        ]
    ]


@pytest.mark.cfr("1311.120(b)(13)")
def test_two_of_one_patient_are_signed_with_one_proof(alice, ready, phone):
    second = make_ready(
        alice.provider,
        patient=ready.patient,
        drug=make_drug("Lorazepam 1 mg tablet"),
    )
    both = [ready, second]

    records = ceremony.sign(
        both, by=alice, challenge=prove(both, phone), session_key=SESSION
    )

    assert len({record.payload_digest for record in records}) == 2
    assert Transmission.objects.count() == 2


@pytest.mark.cfr("1311.140(a)(1)")
@pytest.mark.cfr("1311.120(b)(13)")
def test_two_patients_are_refused(alice, ready, phone):
    other = make_patient(ready.practice, last_name="Other")
    both = [ready, make_ready(alice.provider, patient=other)]

    text = refused(both, prove(both, phone), by=alice)

    assert "one patient" in text


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(13)")
def test_one_that_is_not_ready_holds_the_other_back(alice, ready, phone):
    both = [ready, make_draft(alice.provider, patient=ready.patient)]

    text = refused(both, prove(both, phone), by=alice)

    assert "This prescription is draft." in text


def test_nothing_at_all_is_refused(alice, ready, phone):
    assert "nothing to sign" in refused([], prove([ready], phone), by=alice)


@pytest.mark.cfr("1311.120(b)(12)")
@pytest.mark.parametrize("who", ["bob", "sam", "mallory", "colleague", "superuser"])
def test_nobody_else_signs_not_even_with_factors_of_their_own(
    request, practice, ready, who
):
    """Adversarial case I04."""
    if who in ("colleague", "superuser"):
        person = make_provider(who, practice=practice).user
        person.is_superuser = person.is_staff = who == "superuser"
        person.save()
    else:
        person = request.getfixturevalue(who)
    device = person.mfa_devices.first() or make_device(
        person, is_primary=True, name="Own"
    )

    text = refused([ready], prove([ready], device), by=person)

    assert "Only the practitioner named on it" in text


@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.parametrize("who", ["bob", "sam", "mallory"])
def test_nobody_else_marks_it_ready(request, draft, who):
    with pytest.raises(ceremony.NotSignable, match="Only the practitioner"):
        ceremony.mark_ready(draft, by=request.getfixturevalue(who))

    draft.refresh_from_db()
    assert draft.status == Status.DRAFT
    assert Event.objects.filter(act=Act.SIGNING_REFUSED).count() == 1


@pytest.mark.cfr("1311.120(b)(12)")
def test_another_one_s_challenge_is_worthless(alice, ready, bob):
    challenge = prove([ready], bob.mfa_devices.get())

    with pytest.raises(Exception, match="cannot be the primary device"):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    assert not SignedRecord.objects.exists()


@pytest.mark.cfr("1311.120(b)(11)")
@pytest.mark.parametrize(
    "wrong",
    [
        {"purpose": Purpose.SELECT_PRIMARY},
        {"payload_digest": "d" * 64},
        {"session_key": "another-session"},
    ],
)
def test_a_challenge_for_something_else_signs_nothing(alice, ready, phone, wrong):
    text = refused([ready], prove([ready], phone, **wrong), by=alice)

    assert "something else" in text


@pytest.mark.cfr("1311.120(b)(11)")
def test_a_challenge_for_one_prescription_does_not_sign_another(alice, ready, phone):
    other = make_ready(alice.provider, patient=ready.patient)

    text = refused([other], prove([ready], phone), by=alice)

    assert "something else" in text


def test_a_stale_challenge_signs_nothing(alice, ready, phone):
    challenge = prove([ready], phone)

    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        text = refused([ready], challenge, by=alice)

    assert "has expired" in text


@pytest.mark.both_databases
def test_a_challenge_is_used_once(alice, ready, phone):
    challenge = prove([ready], phone)
    ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    with pytest.raises(ceremony.NotSignable, match="on its way"):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    assert SignedRecord.objects.count() == 1


@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.parametrize("row", ["patient", "drug", "pharmacy", "practice"])
def test_what_changed_around_a_marked_one_stops_its_signature(alice, ready, phone, row):
    challenge = prove([ready], phone)
    changed = getattr(ready, row)
    if row == "drug":
        changed.strength = changed.name = "50 mg tablet"
    else:
        changed.address_line_1 = "99 Moved Road"
    changed.save()

    text = refused([ready], challenge, by=alice)

    assert "changed since it was marked ready" in text


@pytest.mark.cfr("1306.05(a)")
def test_a_mark_of_yesterday_is_no_mark(alice, ready, phone):
    """Dated as of, and signed on, the day issued."""
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        text = refused([ready], prove([ready], phone), by=alice)

    assert "the day is another" in text


@pytest.mark.cfr("1306.03(a)(2)")
@pytest.mark.parametrize(
    ("field", "value"),
    [("expires_on", "2020-01-01"), ("schedules", "IV,V"), ("state", "CA")],
)
def test_the_registration_is_asked_for_again_at_signing(
    alice, ready, phone, field, value
):
    """Adversarial case I10."""
    challenge = prove([ready], phone)
    registration = ready.dea_registration
    setattr(registration, field, value)
    registration.save()

    assert "DEA registration" in refused([ready], challenge, by=alice)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.125(d)")
def test_a_right_that_was_taken_away_meanwhile_is_missed(alice, ready, phone):
    challenge = prove([ready], phone)
    alice.provider.access_grants.update(revoked_at=timezone.now(), revoked_by=alice)

    assert "not approved" in refused([ready], challenge, by=alice)


def test_a_disabled_account_signs_nothing(alice, ready, phone):
    challenge = prove([ready], phone)
    alice.is_active = False
    alice.save()

    assert review.NOT_YOURS.label in refused([ready], challenge, by=alice)


def test_another_device_becomes_primary_with_the_same_proof(alice, ready, phone):
    tablet = make_device(alice, name="OfficeiPad")

    sign(ready, tablet)

    tablet.refresh_from_db()
    phone.refresh_from_db()
    assert (tablet.is_primary, phone.is_primary) == (True, False)
    assert SignedRecord.objects.get().device_nickname == "OfficeiPad"


@pytest.mark.both_databases
def test_a_refused_signature_leaves_the_primary_device_as_it_was(alice, ready, phone):
    tablet = make_device(alice, name="OfficeiPad")

    refused([ready], prove([ready], tablet, payload_digest="d" * 64), by=alice)

    phone.refresh_from_db()
    assert phone.is_primary


@pytest.mark.cfr("1311.120(b)(10)")
def test_a_mark_is_for_what_was_looked_at(alice, draft):
    looked_at = Prescription.objects.select_related("patient").get(pk=draft.pk)
    looked_at.patient  # noqa: B018  loaded, as the page did
    draft.patient.address_line_1 = "99 Moved Road"
    draft.patient.save()

    with pytest.raises(ceremony.NotSignable, match="changed after the page was shown"):
        ceremony.mark_ready(looked_at, by=alice)


def test_a_mark_can_be_taken_back(alice, ready):
    ceremony.unready(ready, by=alice)

    ready.refresh_from_db()
    assert (ready.status, ready.ready_digest) == (Status.DRAFT, "")


@pytest.mark.cfr("1306.05(a)")
def test_an_incomplete_draft_is_not_marked_and_says_everything(alice):
    draft = make_draft(alice.provider, refills=1, directions=" ")

    with pytest.raises(ceremony.NotSignable) as refusal:
        ceremony.mark_ready(draft, by=alice)

    assert [one.label for one in refusal.value.blockers] == [
        "The directions for use are missing.",
        "Schedule II cannot be refilled.",
    ]


@pytest.mark.cfr("1311.100(d)")
def test_with_the_signer_out_of_order_nothing_is_marked_or_signed(
    alice, ready, phone, settings
):
    challenge = prove([ready], phone)
    draft = make_draft(alice.provider)
    signer.close()
    settings.SIGNING_KEY_PASSPHRASE = "another"

    text = refused([ready], challenge, by=alice)
    with pytest.raises(ceremony.NotSignable, match="passphrase"):
        ceremony.mark_ready(draft, by=alice)

    assert "does not open with its passphrase" in text
    assert Event.objects.filter(act=Act.SIGNING_BLOCKED).count() == 2


@pytest.mark.cfr("1311.100(d)")
def test_with_the_record_out_of_order_nothing_is_signed(alice, ready, phone, settings):
    """Adversarial case K04: the key that sealed the newest events is gone."""
    challenge = prove([ready], phone)
    settings.AUDIT_KEYS = [("a2", b"x" * 32)]

    assert "AUDIT_KEYS" in refused([ready], challenge, by=alice)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.100(d)")
def test_with_a_cut_chain_nothing_is_signed(alice, ready, phone):
    challenge = prove([ready], phone)
    head = ChainHead.objects.get(stream=f"user:{alice.pk}")
    ChainHead.objects.filter(pk=head.pk).update(
        sequence=head.sequence + 1, hash="0" * 64
    )

    assert "newest event" in refused([ready], challenge, by=alice)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.100(d)")
def test_when_the_event_cannot_be_written_nothing_is_signed(
    alice, ready, phone, settings
):
    challenge = prove([ready], phone)
    settings.AUDIT_KEYS = [("a2", "not bytes"), *settings.AUDIT_KEYS]

    with pytest.raises(TypeError):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    ready.refresh_from_db()
    challenge.refresh_from_db()
    assert ready.status == Status.READY
    assert challenge.state == ChallengeState.PASSED
    assert not SignedRecord.objects.exists()


def test_without_a_network_nothing_is_signed(alice, ready, phone, settings):
    settings.SCRIPT_NETWORK_URL = ""

    assert "No pharmacy network" in refused([ready], prove([ready], phone), by=alice)


def test_no_patient_and_no_code_is_in_the_record(alice, ready, phone):
    """Adversarial case K11."""
    sign(ready, phone)

    told = json.dumps(list(Event.objects.values_list("detail", flat=True)))
    for secret in [
        ready.patient.last_name,
        ready.patient.address_line_1,
        ready.directions,
        ready.drug.name,
    ]:
        assert secret not in told


@pytest.mark.cfr("1311.170(e)")
def test_what_does_not_fit_the_message_is_refused_and_not_cut(
    alice, ready, phone, monkeypatch
):
    monkeypatch.setitem(script.LONGEST, "City", 3)

    text = refused([ready], prove([ready], phone), by=alice)

    assert "It cannot be sent unshortened: City holds 3 characters" in text


@pytest.mark.cfr("1311.120(b)(10)")
def test_an_edit_needs_a_new_mark(alice, ready, phone):
    ready.quantity = 7

    drafts.alter(ready, by=alice)

    assert "This prescription is draft." in refused(
        [ready], prove([ready], phone), by=alice
    )
