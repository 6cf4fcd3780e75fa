"""Paper in place of sending, or after a transmission failed."""

import re
from datetime import timedelta

import pytest
import responses
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from prescriptions.delivery import outbox
from prescriptions.models import Prescription, Printout, Status, Transmission
from prescriptions.signing import ceremony
from prescriptions.writing import drafts, printing
from providers.identifiers import zone
from tests.prescriptions.factories import SESSION, make_draft, make_pharmacy, prove
from tests.prescriptions.writing.sheets import COPY_LABEL, act_of, answer, printed

pytestmark = pytest.mark.django_db

REFUSED = "<Error><Code>900</Code><Description>No Schedule II</Description></Error>"


@pytest.fixture
def failed(queued, settings):
    answer(settings, queued.transmission, REFUSED)
    queued.refresh_from_db()
    return queued


@pytest.mark.cfr("1311.170(b)")
@pytest.mark.cfr("1311.120(b)(22)")
@pytest.mark.cfr("1311.102(c)")
def test_after_a_failure_it_says_where_and_when_it_was_sent(client, failed, alice):
    client.force_login(alice)
    message = Transmission.objects.get()
    sent_at = message.last_attempt_at.astimezone(zone(failed.practice.time_zone))

    page = printed(client, failed, "after-failure").content.decode()

    assert (
        f"Originally sent electronically to {failed.pharmacy.name}, "
        f"{failed.pharmacy.city}, on {sent_at:%b} {sent_at.day}, {sent_at:%Y} at "
        f"{sent_at:%H:%M %Z}. The transmission failed."
    ) in page
    assert "Signature of the practitioner, by hand" in page
    assert COPY_LABEL not in page
    failed.refresh_from_db()
    assert failed.status == Status.PRINTED
    assert act_of(failed).detail == {"kind": "after-failure"}


@pytest.mark.cfr("1311.170(b)")
@pytest.mark.parametrize("state", ["draft", "ready", "queued", "delivered"])
def test_only_what_failed_is_printed_like_that(client, request, alice, state):
    prescription = request.getfixturevalue(state)
    before = prescription.status
    client.force_login(alice)

    response = printed(client, prescription, "after-failure")

    assert response.status_code == 302
    prescription.refresh_from_db()
    assert prescription.status == before
    assert not Printout.objects.exists()


@pytest.mark.both_databases
@pytest.mark.cfr("1311.170(d)")
@pytest.mark.cfr("1311.120(b)(20)")
@pytest.mark.parametrize("state", ["draft", "ready"])
def test_what_was_printed_first_is_never_signed_or_sent(
    client, request, alice, phone, state
):
    prescription = request.getfixturevalue(state)
    challenge = prove([prescription], phone) if state == "ready" else None
    client.force_login(alice)

    page = printed(client, prescription, "on-paper").content.decode()

    assert "Signature of the practitioner, by hand" in page
    assert "Originally sent" not in page
    prescription.refresh_from_db()
    assert prescription.status == Status.PRINTED
    assert prescription.issued_on == prescription.practice.today()
    with pytest.raises(ceremony.NotSignable):
        ceremony.mark_ready(prescription, by=alice)
    if challenge:
        with pytest.raises(ceremony.NotSignable):
            ceremony.sign(
                [prescription], by=alice, challenge=challenge, session_key=SESSION
            )
    for status in [Status.READY, Status.SIGNED, Status.QUEUED]:
        with pytest.raises(IntegrityError), transaction.atomic():
            Prescription.objects.update(status=status)
    assert not Transmission.objects.exists()


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(20)")
@pytest.mark.cfr("1311.170(d)")
def test_what_was_printed_after_a_failure_is_never_sent_again(
    client, failed, alice, settings
):
    client.force_login(alice)
    printed(client, failed, "after-failure")

    with responses.RequestsMock() as network:
        with time_machine.travel(timezone.now() + timedelta(days=1)):
            assert outbox.sweep() == 0
            outbox.attempt(failed.transmission.pk)
        assert len(network.calls) == 0
    with pytest.raises(drafts.WritingRefused):
        drafts.copy(Prescription.objects.get(), by=alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Transmission.objects.update(state="waiting", answered_at=None)


def test_what_is_incomplete_is_not_printed_either(client, alice):
    draft = make_draft(alice.provider, directions="")
    client.force_login(alice)

    response = printed(client, draft, "on-paper")

    assert response.status_code == 302
    draft.refresh_from_db()
    assert draft.status == Status.DRAFT


def test_printing_instead_of_sending_asks_first(client, draft, alice):
    client.force_login(alice)
    ask = reverse("prescription-print-instead", args=[draft.public_id])
    assert f'href="{ask}"' in client.get(draft.get_absolute_url()).text

    asked = client.get(ask).text

    assert "it can never be signed here or sent" in asked
    assert (
        'action="' + reverse("prescription-print", args=[draft.public_id, "on-paper"])
        in asked
    )
    draft.refresh_from_db()
    assert draft.status == Status.DRAFT


def test_what_cannot_be_printed_is_not_offered_to_be(client, alice):
    client.force_login(alice)
    draft = make_draft(alice.provider, refills=1)
    ask = reverse("prescription-print-instead", args=[draft.public_id])

    assert "instead of sending" not in client.get(draft.get_absolute_url()).text
    assert client.get(ask).url == draft.get_absolute_url()


def test_what_was_sent_is_not_asked_about(client, queued, bob, alice):
    ask = reverse("prescription-print-instead", args=[queued.public_id])
    client.force_login(alice)
    assert client.get(ask).url == queued.get_absolute_url()

    client.force_login(bob)
    assert client.get(ask).status_code == 404


def test_a_pharmacy_without_epcs_gets_paper(client, alice):
    pharmacy = make_pharmacy(accepts_epcs=False)
    draft = make_draft(alice.provider, pharmacy=pharmacy)
    client.force_login(alice)

    assert printed(client, draft, "on-paper").status_code == 200


def test_a_spoiled_sheet_is_printed_again_as_what_it_is(client, draft, alice):
    client.force_login(alice)
    printed(client, draft, "on-paper")
    draft.refresh_from_db()

    without = printed(client, draft, "again")
    first = printed(client, draft, "again", destroyed="yes").content.decode()
    second = printed(client, draft, "again", destroyed="yes").content.decode()

    assert without.status_code == 302
    assert "Reprint 1 of the original" in first
    assert "Reprint 2 of the original" in second
    assert "It is no second prescription." in first
    originals = Printout.objects.exclude(kind="reprint")
    assert originals.count() == 1
    assert act_of(draft).detail == {"kind": "reprint", "attempts": 2}


def test_a_reprint_is_the_same_sheet(client, draft, alice):
    client.force_login(alice)
    printed(client, draft, "on-paper")
    draft.patient.last_name = "Changed"
    draft.patient.save()
    draft.refresh_from_db()

    page = printed(client, draft, "again", destroyed="yes").content.decode()

    assert "Changed" not in page


@pytest.mark.cfr("1311.170(b)")
@pytest.mark.cfr("1311.120(b)(22)")
@pytest.mark.cfr("1311.102(c)")
def test_a_reprint_says_of_the_failure_what_the_original_said(client, failed, alice):
    client.force_login(alice)
    original = printed(client, failed, "after-failure").text
    failed.refresh_from_db()

    again = printed(client, failed, "again", destroyed="yes").text

    [said] = re.findall(r"Originally sent electronically to [^<]*", original)
    assert "The transmission failed." in said
    assert said in again
    assert "Reprint 1 of the original" in again


@pytest.mark.both_databases
def test_there_is_one_original(draft, alice):
    printing.original(draft, by=alice)
    draft.refresh_from_db()

    with pytest.raises(drafts.WritingRefused):
        printing.original(draft, by=alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Printout.objects.create(
            prescription=draft, kind="original", number=2, content={}, printed_by=alice
        )


@pytest.mark.both_databases
def test_the_database_knows_no_original_of_what_is_sent(queued, alice):
    with pytest.raises(IntegrityError), transaction.atomic():
        Printout.objects.create(
            prescription=queued, kind="original", number=1, content={}, printed_by=alice
        )


@pytest.mark.both_databases
@pytest.mark.parametrize("values", [{"content": {}}, {"kind": "copy"}])
@pytest.mark.usefixtures("as_owner")
def test_what_was_printed_stays(draft, alice, values):
    printing.original(draft, by=alice)

    with pytest.raises(IntegrityError), transaction.atomic():
        Printout.objects.update(**values)
