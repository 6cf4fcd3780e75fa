"""Labeled copies and medication lists."""

import json

import pytest
from django.urls import reverse
from django.utils.html import escape

from audit.acts import Act
from audit.models import Event
from prescriptions.models import Printout, Status, in_words
from prescriptions.writing import drafts, printing
from tests.prescriptions.factories import make_draft, make_ready, sign
from tests.prescriptions.writing.sheets import COPY_LABEL, act_of, printed

pytestmark = pytest.mark.django_db


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
    with pytest.raises(drafts.WritingRefused):
        verb(queued, by=mallory)

    assert Event.objects.filter(actor="mallory", act=Act.PERMISSION_DENIED).exists()
    assert not Printout.objects.exists()
