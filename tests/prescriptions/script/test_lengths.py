"""Whatever does not fit into SCRIPT is refused at entry, and nothing is cut (1311.170(e))."""

from decimal import Decimal

import pytest
from django.db import models
from django.urls import reverse

from prescriptions import content, rules, script
from prescriptions.delivery.forms import CancelForm, DenyForm
from prescriptions.models import Drug, Patient, Pharmacy, Prescription, Status, plain
from prescriptions.rules import elements
from prescriptions.script.fields import CARRIED
from prescriptions.writing.forms import PatientForm, PrescriptionForm
from providers.models import Practice, Provider
from tests.prescriptions.factories import (
    make_draft,
    make_drug,
    make_pharmacy,
    make_ready,
    sign,
)
from tests.prescriptions.rules.unsaved import TODAY, a_prescription, labels

OF = {
    "patient": Patient,
    "prescriber": Provider,
    "supervisor": Provider,
    "practice": Practice,
    "pharmacy": Pharmacy,
    "drug": Drug,
}
COLUMNS = {
    "address.line_1": "address_line_1",
    "address.line_2": "address_line_2",
    "address.city": "city",
    "address.state": "state",
    "address.postal_code": "postal_code",
}
NOT_TYPED = {"prescriber.dea_number", "supervisor.dea_number"}  # numbers on record
OF_AN_ACCOUNT = {"agent.first_name", "agent.last_name"}


def column_of(carried) -> models.Field | None:
    """Return the column in which a carried field is kept, if it is text."""
    whose, _, part = carried.partition(".")
    model, name = (
        (OF[whose], COLUMNS.get(part, part)) if part else (Prescription, whose)
    )
    column = model._meta.get_field(name)
    return column if isinstance(column, models.CharField | models.TextField) else None


TYPED = sorted(set(CARRIED) - NOT_TYPED - OF_AN_ACCOUNT)
LIMITED = [
    carried
    for carried in TYPED
    if CARRIED[carried].rpartition("/")[2].removeprefix("{drug}") in script.LONGEST
    and column_of(carried) is not None
]


def test_every_limit_of_the_message_is_walked():
    walked = {CARRIED[one].rpartition("/")[2].removeprefix("{drug}") for one in LIMITED}

    assert walked >= set(script.LONGEST) - {
        *[
            "MessageID",
            "RelatesToMessageID",
            "DenialReason",
            "Description",
        ],  # not typed
        *["Value", "NumberOfRefills", "DaysSupply", "DEANumber"],  # numbers, see below
    }


@pytest.mark.cfr("1311.170(e)")
def test_no_column_holds_more_than_the_message(subtests):
    for carried in LIMITED:
        with subtests.test(carried):
            element = CARRIED[carried].rpartition("/")[2].removeprefix("{drug}")

            assert column_of(carried).max_length <= script.LONGEST[element]


@pytest.mark.both_databases
@pytest.mark.django_db
@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize(
    ("form", "field"),
    [
        (form, name)
        for form in (PrescriptionForm, PatientForm)
        for name, field in form.base_fields.items()
        if getattr(field, "max_length", None)
    ],
)
def test_one_character_more_is_refused_at_the_field(client, alice, form, field):
    draft = make_draft(alice.provider)
    client.force_login(alice)
    most = form.base_fields[field].max_length
    page, row = (
        ("prescription-edit", draft)
        if form is PrescriptionForm
        else ("patient-edit", draft.patient)
    )

    response = client.post(
        reverse(page, args=[row.public_id]), {field: "7" * (most + 1)}
    )

    assert response.status_code == 422
    assert f"at most {most} characters" in str(response.context["form"].errors[field])
    row.refresh_from_db()
    assert len(str(getattr(row, field))) <= most


@pytest.mark.both_databases
@pytest.mark.django_db
@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", "1000000"),
        ("quantity", "1.0001"),
        ("quantity", "1e400"),
        ("quantity", "NaN"),
        ("partial_fill_quantity", "1000000"),
        ("days_supply", "1000"),
        ("days_supply", "0"),
        ("refills", "100"),
        ("refills", "-1"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_at_the_field(client, alice, field, value):
    draft = make_draft(alice.provider)
    client.force_login(alice)

    response = client.post(
        reverse("prescription-edit", args=[draft.public_id]),
        written(draft, field, value),
    )

    assert response.status_code == 422
    assert field in response.context["form"].errors or "99 refills" in response.text
    draft.refresh_from_db()
    assert str(getattr(draft, field)) != value


def written(draft, field, value):
    return {
        "prescriber": draft.prescriber_id,
        "dea_registration": draft.dea_registration_id,
        "drug": draft.drug_id,
        "quantity": "30",
        "refills": "0",
        "directions": draft.directions,
        "pharmacy": draft.pharmacy_id,
        "shown_version": draft.version,
        field: value,
    }


@pytest.mark.both_databases
@pytest.mark.django_db
@pytest.mark.cfr("1311.120(b)(6)")
@pytest.mark.cfr("1311.170(e)")
def test_the_longest_of_everything_arrives_whole(alice, phone, practice):
    practice.name = practice.address_line_1 = practice.city = "p" * 35
    practice.save()
    draft = make_draft(
        alice.provider,
        pharmacy=make_pharmacy(name="f" * 70, address_line_2="g" * 40),
        drug=make_drug("Lorazepam 1 mg tablet"),
        quantity=Decimal("999999.999"),
        days_supply=999,
        refills=5,
        directions="é" * 1000,
        note="☃" * 210,
    )
    Patient.objects.update(first_name="a" * 35, last_name="b" * 35, city="c" * 35)
    ready = make_ready(
        alice.provider,
        patient=Patient.objects.get(),
        drug=draft.drug,
        **{
            name: getattr(draft, name)
            for name in ["pharmacy", "quantity", "days_supply", "refills"]
        },
        directions=draft.directions,
        note=draft.note,
    )

    record = sign(ready, phone)

    assert ready.status == Status.QUEUED
    xml = bytes(ready.transmission.xml)
    assert script.differences(record.payload.encode(), xml, version=script.OLDEST) == []
    for text in [draft.directions, draft.note, "999999.999", "a" * 35, "f" * 70]:
        assert f">{text}<".encode() in xml


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize(
    ("name", "element"), [("first_name", "FirstName"), ("last_name", "LastName")]
)
def test_an_account_with_a_name_that_does_not_fit_is_found_before_the_mark(
    name, element
):
    prescription = a_prescription()
    setattr(prescription.prepared_by, name, "n" * 36)

    assert labels(prescription) == [
        f"It cannot be sent unshortened: {element} holds 35 characters, not 36."
    ]


@pytest.mark.cfr("1311.170(e)")
def test_what_stands_in_a_row_too_long_by_other_hands_is_found_before_the_mark():
    prescription = a_prescription(directions="x" * 1001)

    found = elements.fits(prescription, rules.Circumstances(on=TODAY))

    assert found
    assert "SigText holds 1000 characters, not 1001" in found.label


@pytest.mark.both_databases
@pytest.mark.django_db
@pytest.mark.cfr("1311.120(b)(6)")
@pytest.mark.cfr("1306.05(a)")
def test_every_field_goes_round_from_the_form_into_the_record(client, alice, phone):
    """What was typed is what is kept, shown, signed and sent."""
    first = make_draft(alice.provider, note="First")
    client.force_login(alice)
    typed = written(first, "note", "Ask for identification.") | {
        "quantity": "28.5",
        "days_supply": "14",
        "directions": "Take 1 tablet\r\nevery 12 hours.",
        "partial_fill_quantity": "14.25",
        "emergency_oral_on": first.practice.today().isoformat(),
        "substitutions_allowed": "",
    }
    client.post(reverse("prescription-edit", args=[first.public_id]), typed)
    first.refresh_from_db()
    page = client.get(first.get_absolute_url()).text
    shown = content.canonical(first)

    for name in ["note", "quantity", "partial_fill_quantity", "emergency_oral_on"]:
        assert shown[name] == typed[name]
    assert shown["days_supply"] == 14
    assert shown["directions"].splitlines() == typed["directions"].splitlines()
    assert shown["substitutions_allowed"] is False
    assert plain(first.quantity) == "28.5"
    for text in ["28.5 tablets, 14 days", "14.25 tablets each", "Dispense as written"]:
        assert text in page


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize("form", [CancelForm, DenyForm])
def test_no_browser_cuts_what_is_pasted_for_a_pharmacy(form):
    assert "maxlength" not in str(form())
    assert not form({"reason": "7" * 201}).is_valid()


@pytest.mark.django_db
@pytest.mark.cfr("1311.170(e)")
def test_no_browser_cuts_pasted_directions(client, alice):
    draft = make_draft(alice.provider)
    client.force_login(alice)

    page = client.get(reverse("prescription-edit", args=[draft.public_id]))

    for name in ("directions", "note"):
        assert "maxlength" not in str(page.context["form"][name])
