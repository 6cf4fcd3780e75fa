"""Paper: labeled copies, originals for a signature by hand, and what they rule out."""

import json
import re
from datetime import timedelta

import pytest
import responses
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from audit.acts import Act
from audit.models import Event
from prescriptions.delivery import outbox
from prescriptions.models import (
    Prescription,
    Printout,
    Status,
    Transmission,
    in_words,
)
from prescriptions.signing import ceremony
from prescriptions.writing import drafts, printing
from providers.identifiers import zone
from tests.prescriptions.factories import (
    SESSION,
    make_draft,
    make_pharmacy,
    make_ready,
    prove,
    sign,
)

pytestmark = pytest.mark.django_db
COPY_LABEL = "Copy only—not valid for dispensing."
REFUSED = "<Error><Code>900</Code><Description>No Schedule II</Description></Error>"


def answer(settings, message, body):
    with responses.RequestsMock() as network:
        network.post(
            settings.SCRIPT_NETWORK_URL,
            body="<Message><Header><RelatesToMessageID>"
            f"{message.message_id}</RelatesToMessageID></Header>"
            f"<Body>{body}</Body></Message>",
        )
        outbox.attempt(message.pk)


@pytest.fixture
def failed(queued, settings):
    answer(settings, queued.transmission, REFUSED)
    queued.refresh_from_db()
    return queued


@pytest.fixture
def delivered(queued, settings):
    answer(settings, queued.transmission, "<Status><Code>010</Code></Status>")
    queued.refresh_from_db()
    return queued


def printed(client, prescription, way, **data):
    url = reverse("prescription-print", args=[prescription.public_id, way])
    return client.post(url, data)


def act_of(prescription):
    subject = f"prescriptions.prescription:{prescription.public_id}"
    return Event.objects.filter(subject=subject).latest("at", "sequence")


@pytest.mark.cfr("1311.170(c)")
@pytest.mark.cfr("1311.120(b)(21)")
def test_a_copy_is_labeled_as_one_and_counted(client, delivered, alice):
    client.force_login(alice)

    first = printed(client, delivered, "copy")
    second = printed(client, delivered, "copy")

    assert first.content.decode().count(COPY_LABEL) == 2
    assert "Signature of the practitioner, by hand" not in first.content.decode()
    assert "copy 2" in second.content.decode()
    delivered.refresh_from_db()
    assert delivered.status == Status.DELIVERED
    assert act_of(delivered).act == Act.PRESCRIPTION_COPY_PRINTED


@pytest.mark.cfr("1306.05(a)")
def test_a_sheet_has_every_element_of_a_prescription(client, delivered, alice):
    client.force_login(alice)
    signed = json.loads(delivered.signed_record.payload)["content"]

    page = printed(client, delivered, "copy").content.decode()

    for said in [
        signed["patient"]["last_name"],
        *filter(None, signed["patient"]["address"].values()),
        signed["drug"]["name"],
        signed["drug"]["strength"],
        signed["drug"]["form"],
        signed["quantity"],
        signed["directions"],
        signed["prescriber"]["last_name"],
        signed["prescriber"]["dea_number"],
        *filter(None, signed["practice"]["address"].values()),
        f"{delivered.issued_on:%b} {delivered.issued_on.day}, {delivered.issued_on:%Y}",
    ]:
        assert escape(said) in page


def test_a_copy_says_what_was_signed_and_not_what_the_rows_say_now(
    client, delivered, alice
):
    client.force_login(alice)
    delivered.patient.address_line_1 = "99 Moved Road"
    delivered.patient.save()

    page = printed(client, delivered, "copy").content.decode()

    assert "2 Elm Street" in page
    assert "99 Moved Road" not in page


@pytest.mark.cfr("1306.11(d)")
@pytest.mark.cfr("1306.13(b)")
def test_a_sheet_says_what_is_filled_in_parts_or_was_ordered_by_mouth(client, alice):
    client.force_login(alice)
    draft = make_draft(
        alice.provider,
        partial_fill_quantity=14,
        emergency_oral_on=alice.memberships.get().practice.today(),
        note="Call me.",
    )

    page = printed(client, draft, "on-paper").content.decode()

    assert "<dt>Partial fills</dt><dd>14 tablets each" in page
    assert "Authorization for Emergency Dispensing, oral order of " in page
    assert "<dt>Note</dt><dd>Call me.</dd>" in page


@pytest.mark.parametrize(
    ("quantity", "unit", "said"),
    [
        ("28", "tablet", "28 tablets"),
        ("1", "tablet", "1 tablet"),
        ("0.5", "mL", "0.5 mL"),
        ("5", "patch", "5 patches"),
        ("2", "film", "2 films"),
    ],
)
def test_a_quantity_is_written_as_it_is_said(quantity, unit, said):
    assert in_words(quantity, unit) == said


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
    with pytest.raises(drafts.NotAllowed):
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

    with pytest.raises(printing.NotAllowed):
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
def test_what_was_printed_stays(draft, alice, values):
    printing.original(draft, by=alice)

    with pytest.raises(IntegrityError), transaction.atomic():
        Printout.objects.update(**values)


@pytest.mark.cfr("1306.05(f)")
@pytest.mark.cfr("1306.05(d)")
def test_an_agent_prints_and_the_practitioner_signs_by_hand(client, draft, sam):
    client.force_login(sam)

    page = printed(client, draft, "on-paper").content.decode()

    assert "Signature of the practitioner, by hand" in page
    assert act_of(draft).actor == "sam"


@pytest.mark.parametrize("way", ["copy", "after-failure", "on-paper", "again"])
def test_strangers_print_nothing(client, delivered, bob, way):
    client.force_login(bob)

    assert printed(client, delivered, way).status_code == 404


def test_what_is_not_signed_has_no_copy(client, draft, alice):
    client.force_login(alice)

    assert printed(client, draft, "copy").status_code == 302
    assert not Printout.objects.exists()


def test_a_print_is_no_address(client, delivered, alice):
    client.force_login(alice)
    url = reverse("prescription-print", args=[delivered.public_id, "copy"])

    assert client.get(url).status_code == 405
    assert printed(client, delivered, "fax").status_code == 404


@pytest.mark.cfr("1311.170(c)")
@pytest.mark.cfr("1311.120(b)(21)")
def test_a_medication_list_is_for_information_only(client, delivered, alice):
    client.force_login(alice)
    url = reverse("patient-print-list", args=[delivered.patient.public_id])

    page = client.post(url).content.decode()

    label = "For information only. Not a prescription, not valid for dispensing."
    assert page.count(label) == 2
    assert delivered.drug.name in page
    assert Event.objects.latest("at", "pk").act == Act.PATIENT_LIST_PRINTED


def test_a_medication_list_leaves_out_what_was_never_signed(client, draft, alice):
    client.force_login(alice)
    url = reverse("patient-print-list", args=[draft.patient.public_id])

    assert draft.drug.name not in client.post(url).content.decode()


def test_a_medication_list_has_what_was_printed_in_place_of_sending_it(
    client, draft, alice
):
    printing.original(draft, by=alice)
    client.force_login(alice)
    url = reverse("patient-print-list", args=[draft.patient.public_id])

    page = client.post(url).content.decode()

    assert draft.drug.name in page
    assert ", on paper" in page


def test_strangers_get_no_list(client, draft, bob):
    client.force_login(bob)
    url = reverse("patient-print-list", args=[draft.patient.public_id])

    assert client.post(url).status_code == 404


@pytest.mark.both_databases
def test_if_the_event_cannot_be_written_nothing_is_printed(draft, alice, settings):
    settings.AUDIT_KEYS = [("a2", "not bytes"), *settings.AUDIT_KEYS]

    with pytest.raises(TypeError):
        printing.original(draft, by=alice)

    draft.refresh_from_db()
    assert draft.status == Status.DRAFT
    assert not Printout.objects.exists()


def test_the_page_offers_what_can_be_printed(client, alice, phone):
    client.force_login(alice)
    ready = make_ready(alice.provider)
    page = client.get(ready.get_absolute_url()).content.decode()
    assert "Print it instead of sending it" in page
    assert "Print a copy" not in page

    sign(ready, phone)

    page = client.get(ready.get_absolute_url()).content.decode()
    assert "Print a copy" in page
    assert "to sign by hand" not in page


@pytest.mark.parametrize(
    "verb",
    [printing.copy, printing.after_failure, printing.original, printing.reprint],
    ids=lambda verb: verb.__name__,
)
def test_whoever_may_not_print_is_on_record(queued, mallory, verb):
    with pytest.raises(drafts.NotAllowed):
        verb(queued, by=mallory)

    assert Event.objects.filter(actor="mallory", act=Act.PERMISSION_DENIED).exists()
    assert not Printout.objects.exists()
