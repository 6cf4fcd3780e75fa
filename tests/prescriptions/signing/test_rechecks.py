"""What is asked again when a prescription that was ready is signed."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.db.models import F
from django.utils import timezone

from audit.acts import Act
from audit.models import ChainHead, Event
from foundation.refusals import Refused
from mfa.models import ChallengeState
from prescriptions import script, signer
from prescriptions.models import (
    Prescription,
    SignedRecord,
    SigningDeactivation,
    Status,
)
from prescriptions.signer import signing_key
from prescriptions.signing import ceremony, review
from prescriptions.writing import drafts
from tests.factories import make_device
from tests.prescriptions.factories import SESSION, make_draft, prove, sign
from tests.prescriptions.signing.refusals import refused
from tests.prescriptions.tampering import tamper

pytestmark = pytest.mark.django_db


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
    tamper(ChainHead, sequence=F("sequence") + 1, hash="0" * 64)

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


@pytest.mark.cfr("1311.120(b)(16)(iv)")
def test_a_key_locked_away_after_the_gate_was_asked_signs_nothing(
    alice, ready, phone, monkeypatch
):
    challenge, consume = prove([ready], phone), ceremony._consume

    def locked_away_meanwhile(*args, **kwargs):
        consume(*args, **kwargs)
        SigningDeactivation.objects.create(
            deactivated_at=timezone.now(), reason="The server moves."
        )

    monkeypatch.setattr(ceremony, "_consume", locked_away_meanwhile)

    with pytest.raises(signer.SignerUnavailable, match="The server moves"):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    assert not SignedRecord.objects.exists()


@pytest.mark.cfr("1311.120(b)(15)")
def test_a_signature_that_does_not_verify_is_not_archived(
    alice, ready, phone, monkeypatch
):
    challenge = prove([ready], phone)
    compact = signing_key._compact_jws
    monkeypatch.setattr(
        signing_key,
        "_compact_jws",
        lambda payload, key: compact(payload, key)[:-8] + "AAAAAAAA",
    )

    with pytest.raises(signer.SignerUnavailable, match="self-test"):
        signer.open_key().sign(b"content")
    with pytest.raises((signer.SignerUnavailable, ceremony.NotSignable)):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    assert not SignedRecord.objects.exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps types")
@pytest.mark.cfr("1311.100(d)")
def test_a_row_that_cannot_be_read_refuses_with_words(client, alice, ready, phone):
    challenge = prove([ready], phone)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE mfa_device SET last_step = 'abc'")

    with pytest.raises(Refused, match="mfa_device"):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    assert not SignedRecord.objects.exists()
    refusal = Event.objects.get(act=Act.SIGNING_REFUSED)
    assert "mfa_device" in refusal.detail["reason"]
    client.force_login(alice)
    page = client.get(ready.get_absolute_url() + "sign/")
    assert page.status_code == 422
    assert "altered outside the portal" in page.content.decode()
