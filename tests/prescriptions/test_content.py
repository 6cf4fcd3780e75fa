"""The one picture of a prescription: everything that a person writes is in it."""

import json
from datetime import date
from decimal import Decimal

import pytest

from prescriptions import content, verification
from prescriptions.models import Prescription, SignedRecord
from tests.factories import make_provider, make_registration
from tests.prescriptions.factories import (
    make_draft,
    make_drug,
    make_pharmacy,
    make_ready,
    sign,
)

pytestmark = pytest.mark.django_db

OTHER = {
    "prescriber": lambda draft: make_provider("carol", practice=draft.practice),
    "dea_registration": lambda draft: make_registration(
        draft.prescriber, practice=draft.practice
    ),
    "supervisor": lambda draft: make_provider("dan", practice=draft.practice),
    "drug": lambda draft: make_drug("Oxycodone hydrochloride 10 mg tablet"),
    "quantity": lambda draft: Decimal("29.999"),
    "partial_fill_quantity": lambda draft: Decimal(10),
    "days_supply": lambda draft: 9,
    "refills": lambda draft: 1,
    "directions": lambda draft: f"{draft.directions} ",
    "note": lambda draft: "x",
    "substitutions_allowed": lambda draft: False,
    "earliest_fill_on": lambda draft: draft.practice.today(),
    "emergency_oral_on": lambda draft: draft.practice.today(),
    "pharmacy": lambda draft: make_pharmacy(),
}


@pytest.mark.cfr("1311.120(b)(6)")
@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.parametrize("field", Prescription.CONTENT)
def test_whatever_a_person_writes_changes_the_digest(alice, field):
    draft = make_draft(alice.provider)
    before = content.digest(draft)

    setattr(draft, field, OTHER[field](draft))

    assert content.digest(draft) != before


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        ("patient", "first_name", "Other"),
        ("patient", "last_name", "Other"),
        ("patient", "date_of_birth", date(1981, 1, 1)),
        ("patient", "address_line_1", "9 Other Street"),
        ("patient", "address_line_2", "Floor 9"),
        ("patient", "city", "Troy"),
        ("patient", "state", "CA"),
        ("patient", "postal_code", "90001"),
        ("prescriber", "first_name", "Other"),
        ("prescriber", "last_name", "Other"),
        ("practice", "name", "Other"),
        ("practice", "address_line_1", "9 Other Street"),
        ("practice", "postal_code", "90001"),
        ("drug", "strength", "6 mg"),
        ("drug", "form", "capsule"),
        ("dea_registration", "number", "BE1388568"),
        ("dea_registration", "internal_code", "A12"),
    ],
)
def test_whatever_the_law_wants_on_it_changes_the_digest(alice, row, field, value):
    draft = make_draft(alice.provider)
    before = content.digest(draft)

    setattr(getattr(draft, row), field, value)

    assert content.digest(draft) != before


@pytest.mark.cfr("1306.05(a)")
def test_the_same_prescription_has_the_same_digest(alice):
    draft = make_draft(alice.provider, quantity=Decimal("30.000"))
    same = Prescription.objects.get(pk=draft.pk)
    draft.quantity = Decimal("3E+1")

    assert content.digest(draft) == content.digest(same)
    assert content.canonical(same)["format"] == content.FORMAT == 2


@pytest.mark.cfr("1306.05(a)")
def test_an_optional_section_changes_only_the_digest_of_who_has_it(
    alice, phone, monkeypatch
):
    """A section that comes later leaves what was signed before valid."""
    old = make_ready(alice.provider)
    record = sign(old, phone)

    monkeypatch.setitem(
        content.OPTIONAL_SECTIONS,
        "encounter",
        lambda prescription: {"id": "7"} if prescription.note else None,
    )
    without, having = make_draft(alice.provider), make_draft(alice.provider, note="7")

    assert content.digest(old) == record.content_digest
    assert verification.problem_with(SignedRecord.objects.get(pk=record.pk)) == ""
    assert "encounter" not in content.canonical(without)
    assert content.canonical(having)["encounter"] == {"id": "7"}


def test_a_record_with_an_optional_section_is_signed_and_verifies(
    alice, phone, monkeypatch
):
    monkeypatch.setitem(
        content.OPTIONAL_SECTIONS, "encounter", lambda prescription: {"id": "7"}
    )

    record = sign(make_ready(alice.provider), phone)

    assert json.loads(record.payload)["content"]["encounter"] == {"id": "7"}
    assert verification.problem_with(SignedRecord.objects.get(pk=record.pk)) == ""
