"""21 CFR 1306, rule by rule, without a database: a good one, and one thing wrong."""

import ast
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.conf import settings

from prescriptions import dates, rules
from prescriptions.drugs import schedules
from providers.models import Schedule
from tests.prescriptions.rules.unsaved import TODAY, a_prescription, labels


@pytest.mark.cfr("1306.21(a)")
@pytest.mark.parametrize("schedule", Schedule.values)
def test_a_prescription_in_order_has_no_blocker(schedule):
    assert labels(a_prescription(schedule)) == []


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize("nothing", ["", " "])
def test_the_state_of_the_practice_is_asked_for(nothing):
    prescription = a_prescription()
    prescription.practice.state = nothing

    assert labels(prescription)[0] == (
        "The practitioner’s name or the practice’s address is incomplete."
    )


@pytest.mark.cfr("1306.12(a)")
@pytest.mark.cfr("1306.22(a)")
@pytest.mark.parametrize(
    ("schedule", "refills", "is_allowed"),
    [
        ("II", 0, True),
        ("II", 1, False),
        ("III", 5, True),
        ("III", 6, False),
        ("IV", 5, True),
        ("IV", 6, False),
        ("V", 11, True),
    ],
)
def test_refills_follow_the_schedule(schedule, refills, is_allowed):
    found = labels(a_prescription(schedule, refills=refills))

    assert (found == []) is is_allowed


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("patient", "first_name"),
        ("patient", "last_name"),
        ("patient", "address_line_1"),
        ("patient", "city"),
        ("patient", "state"),
        ("patient", "postal_code"),
        ("prescriber", "first_name"),
        ("prescriber", "last_name"),
        ("practice", "address_line_1"),
        ("practice", "city"),
        ("practice", "postal_code"),
        ("drug", "strength"),
        ("drug", "form"),
    ],
)
@pytest.mark.parametrize("nothing", ["", " "])
def test_every_required_element_is_asked_for(row, field, nothing):
    prescription = a_prescription()
    setattr(getattr(prescription, row), field, nothing)

    assert len(labels(prescription)) == 1


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"directions": "  "}, "The directions for use are missing."),
        ({"quantity": Decimal(0)}, "The quantity is missing."),
        ({"dea_registration": None}, "No DEA registration is chosen."),
        (
            {"earliest_fill_on": TODAY - timedelta(1)},
            "The earliest fill date has passed.",
        ),
        (
            {"directions": "Take\x07one"},
            "There is a character in it that cannot be printed.",
        ),
        ({"note": "\ufffe"}, "There is a character in it that cannot be printed."),
    ],
)
def test_what_is_missing_or_wrong_is_said(wrong, said):
    assert labels(a_prescription(**wrong)) == [said]


@pytest.mark.cfr("1306.05(c)")
@pytest.mark.parametrize(("note", "count"), [("", 1), (" ", 1), ("Narcolepsy", 0)])
@pytest.mark.parametrize(
    "known", [{"dea_code": "2012"}, {"substance": "SODIUM OXYBATE", "dea_code": ""}]
)
def test_sodium_oxybate_states_the_medical_need(known, note, count):
    prescription = a_prescription(note=note)
    for field, value in known.items():
        setattr(prescription.drug, field, value)

    assert len(labels(prescription)) == count


@pytest.mark.cfr("1306.03(a)(2)")
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("expires_on", TODAY - timedelta(1), "has expired or was ended"),
        ("ended_on", TODAY, "has expired or was ended"),
        ("schedules", "II,IV,V", "does not cover Schedule III"),
        ("state", "CA", "is for CA, and this practice is in NY"),
        ("provider_id", 2, "belongs to another practitioner"),
    ],
)
def test_the_registration_is_current_own_and_fitting(field, value, said):
    prescription = a_prescription()
    setattr(prescription.dea_registration, field, value)

    [found] = labels(prescription)

    assert said in found


@pytest.mark.cfr("1306.22(a)")
@pytest.mark.parametrize(
    ("schedule", "fill", "is_allowed"),
    [
        ("III", date(2027, 2, 28), True),
        ("III", date(2027, 3, 1), False),
        ("V", date(2027, 3, 1), True),
        ("II", TODAY, True),
    ],
)
def test_iii_and_iv_are_filled_within_six_months(schedule, fill, is_allowed):
    found = labels(a_prescription(schedule, earliest_fill_on=fill))

    assert (found == []) is is_allowed


@pytest.mark.cfr("1306.12(b)")
@pytest.mark.parametrize(
    ("schedule", "days", "is_allowed"),
    [("II", 89, True), ("II", 90, False), ("III", 90, True), ("V", 90, True)],
)
def test_no_filling_of_ii_begins_after_its_ninety_days(schedule, days, is_allowed):
    fill = TODAY + timedelta(days=days)

    found = labels(a_prescription(schedule, earliest_fill_on=fill))

    assert (found == []) is is_allowed


def test_a_pharmacy_that_takes_none_is_named():
    prescription = a_prescription()
    prescription.pharmacy.accepts_epcs = False

    assert labels(prescription) == [
        "Corner Pharmacy does not accept controlled substances electronically."
    ]


def test_a_schedule_moved_after_drafting_is_reviewed_again():
    """Adversarial case I08."""
    prescription = a_prescription("IV")
    prescription.drug.schedule = "II"

    assert len(labels(prescription)) == 1


def test_a_drug_out_of_use_is_not_prescribed():
    prescription = a_prescription()
    prescription.drug.is_active = False

    assert len(labels(prescription)) == 1


def test_every_reason_is_given_at_once():
    prescription = a_prescription("II", refills=1, directions="", quantity=Decimal(0))

    assert len(labels(prescription)) == 3


@pytest.mark.parametrize(
    ("several", "strictest"),
    [(["IV", "II"], Schedule.II), (["V"], Schedule.V), (["V", "III", "IV"], "III")],
)
def test_a_combination_follows_the_stricter(several, strictest):
    assert schedules.strictest(several) == strictest


@pytest.mark.parametrize(
    ("day", "later"),
    [
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2023, 8, 31), date(2024, 2, 29)),
        (date(2026, 1, 15), date(2026, 7, 15)),
        (date(2026, 6, 30), date(2026, 12, 30)),
    ],
)
def test_six_months_end_with_the_month(day, later):
    assert dates.months_later(day, 6) == later


@pytest.mark.cfr("1311.140(a)(1)")
@pytest.mark.cfr("1311.120(b)(13)")
def test_two_patients_are_not_signed_together():
    other = a_prescription()
    other.patient.pk = 2
    other.patient_id = 2

    assert rules.one_patient([a_prescription(), other])
    assert rules.one_patient([a_prescription(), a_prescription()]) is None


PARAGRAPH = re.compile(r"13\d\d(\.\d+(\([a-z]+\)|\(\d+\))*)?|State law")
FOLDER = settings.BASE_DIR / "prescriptions" / "rules"


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.check.__name__)
def test_every_rule_cites_a_paragraph(rule):
    assert rule.paragraphs
    assert all(map(PARAGRAPH.fullmatch, rule.paragraphs))


def test_every_rule_of_the_folder_is_asked():
    decorated = [
        function.name
        for path in FOLDER.glob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        and any(
            ast.unparse(mark).startswith("rule(") for mark in function.decorator_list
        )
    ]

    assert sorted(decorated) == sorted(rule.check.__name__ for rule in rules.RULES)


def test_every_group_of_rules_is_in_the_documentation():
    text = (settings.BASE_DIR / "docs" / "rules.md").read_text()

    assert all(
        f"`{group.__name__.split('.')[-1]}.py`" in text for group in rules.GROUPS
    )
