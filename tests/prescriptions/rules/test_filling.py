"""Refills, dates, parts and emergencies, as far as a prescriber writes them."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from prescriptions import content, dates, rules
from prescriptions.formats import NOTE_LENGTH
from prescriptions.rules import elements
from prescriptions.signing import ceremony
from tests.factories import make_provider, make_registration
from tests.prescriptions.factories import make_draft, make_drug
from tests.prescriptions.rules.unsaved import TODAY, a_prescription, labels

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.cfr("1306.22(a)")
@settings(deadline=None, database=None)
@given(DAYS)
def test_six_months_end_on_the_same_day_or_on_the_last_of_a_shorter_month(day):
    later = dates.last_fill_day(day)

    months = (later.year - day.year) * 12 + later.month - day.month
    assert months == 6
    assert later.day == day.day or (later + timedelta(1)).day == 1


@pytest.mark.cfr("1306.22(a)")
@settings(deadline=None, database=None)
@given(DAYS, st.integers(0, 400))
def test_iii_and_iv_are_never_filled_after_they_lapse(day, wait):
    fill = day + timedelta(wait)
    prescription = a_prescription("IV", earliest_fill_on=fill)
    prescription.dea_registration.expires_on = day

    found = labels(prescription, on=day)

    assert (found == []) is (fill <= dates.last_fill_day(day))


@pytest.mark.cfr("1306.21(a)")
@pytest.mark.cfr("1306.22(a)")
@pytest.mark.parametrize(
    ("schedule", "lapses"),
    [("II", None), ("III", "2027-02-28"), ("IV", "2027-02-28"), ("V", None)],
)
def test_the_day_it_lapses_follows_the_schedule(schedule, lapses):
    prescription = a_prescription(schedule, issued_on=TODAY)

    assert str(prescription.last_fill_day) == str(lapses)


@pytest.mark.cfr("1306.13(b)")
@pytest.mark.cfr("1306.23")
@pytest.mark.parametrize(
    ("schedule", "part", "said"),
    [
        ("II", None, []),
        ("II", "10", []),
        ("II", "29.999", []),
        ("II", "30", ["A partial fill is not smaller than the quantity prescribed."]),
        ("III", "10", ["Only Schedule II has a quantity for each partial fill."]),
        ("V", "10", ["Only Schedule II has a quantity for each partial fill."]),
    ],
)
def test_the_prescriber_may_ask_for_parts_of_schedule_ii(schedule, part, said):
    part = part and Decimal(part)

    assert labels(a_prescription(schedule, partial_fill_quantity=part)) == said


@pytest.mark.cfr("1306.11(d)")
@pytest.mark.parametrize(
    ("schedule", "ago", "said"),
    [
        ("II", 0, ""),
        ("II", 7, ""),
        ("II", 8, "The emergency oral order was more than seven days ago."),
        ("II", -1, "The date of the emergency oral order is in the future."),
        ("III", 0, "Only Schedule II has an authorization for emergency dispensing."),
    ],
)
def test_a_prescription_follows_an_emergency_order_in_seven_days(schedule, ago, said):
    prescription = a_prescription(schedule, emergency_oral_on=TODAY - timedelta(ago))

    assert labels(prescription) == [said] * bool(said)


@pytest.mark.cfr("1306.11(d)")
def test_an_emergency_waits_for_no_later_day():
    prescription = a_prescription(
        "II", emergency_oral_on=TODAY, earliest_fill_on=TODAY + timedelta(1)
    )

    [found] = labels(prescription)
    assert found == "What was dispensed in an emergency has no earliest fill date."


@pytest.mark.cfr("1306.11(d)")
@pytest.mark.cfr("1306.13(b)")
def test_the_pharmacy_reads_the_words_of_the_law_before_the_note():
    prescription = a_prescription(
        "II",
        emergency_oral_on=date(2026, 8, 30),
        partial_fill_quantity=Decimal("10.000"),
        note="Call me.",
    )
    prescription.drug.unit = "tablet"

    assert content.note_as_sent(content.canonical(prescription)) == (
        "Authorization for Emergency Dispensing, oral order of 2026-08-30. "
        "Each partial fill: 10 tablet. Call me."
    )


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize(("spare", "is_allowed"), [(0, True), (-1, False)])
def test_a_note_that_does_not_fit_beside_those_words_is_refused(spare, is_allowed):
    added = "Authorization for Emergency Dispensing, oral order of 2026-08-31. "
    note = "n" * (NOTE_LENGTH - len(added) - spare)
    prescription = a_prescription("II", emergency_oral_on=TODAY, note=note)

    found = labels(prescription)

    assert (found == []) is is_allowed
    assert is_allowed or "The note does not fit" in found[0]


@pytest.mark.cfr("1311.135(c)")
def test_nobody_is_their_own_supervisor():
    prescription = a_prescription()
    prescription.supervisor = prescription.prescriber

    found = elements.supervisor(prescription, rules.Circumstances(on=TODAY))

    assert found
    assert found.label == "The supervisor is the practitioner who signs."


@pytest.mark.django_db
@pytest.mark.cfr("1311.135(c)")
@pytest.mark.parametrize("registrations", [0, 1, 2])
def test_a_supervisor_is_shown_as_such_with_the_one_number_there_is(
    client, alice, practice, registrations
):
    carol = make_provider("carol", practice=practice)
    carol.dea_registrations.update(expires_on="2020-01-01")
    for _ in range(registrations):
        number = make_registration(carol, practice=practice).number
    draft = make_draft(alice.provider, supervisor=carol)
    client.force_login(alice)

    page = client.get(reverse("prescription-sign", args=[draft.public_id])).text
    shown = content.canonical(draft)["supervisor"]

    assert page.index("<dt>Practitioner</dt>") < page.index("<dt>Supervisor</dt>")
    assert "Carol Example, MD" in page[page.index("<dt>Supervisor</dt>") :]
    assert (shown["first_name"], shown["npi"]) == ("Carol", carol.npi)
    assert shown["dea_number"] == (number if registrations == 1 else "")
    assert (shown["dea_number"] in page) is True


@pytest.mark.django_db
@pytest.mark.cfr("1311.135(c)")
def test_a_supervisor_works_at_the_practice(alice, bob):
    with pytest.raises(Exception, match="does not work at"):
        make_draft(alice.provider, supervisor=bob.provider)


@pytest.mark.django_db
@pytest.mark.cfr("1311.135(c)")
def test_a_supervisor_who_left_meanwhile_is_not_named(alice, practice):
    carol = make_provider("carol", practice=practice)
    draft = make_draft(alice.provider, supervisor=carol)
    carol.user.memberships.update(left_on=practice.today())

    with pytest.raises(ceremony.NotSignable, match="supervisor no longer works"):
        ceremony.mark_ready(draft, by=alice)


@pytest.mark.django_db
@pytest.mark.cfr("1311.120(b)(9)")
@pytest.mark.cfr("1311.120(b)(9)(i)")
@pytest.mark.cfr("1311.120(b)(9)(ii)")
@pytest.mark.cfr("1311.120(b)(9)(iii)")
@pytest.mark.cfr("1311.120(b)(9)(iv)")
@pytest.mark.cfr("1311.120(b)(9)(v)")
@pytest.mark.cfr("1311.120(b)(9)(vi)")
@pytest.mark.cfr("1311.120(b)(9)(vii)")
@pytest.mark.cfr("1311.120(b)(9)(viii)")
def test_the_review_has_every_element_in_the_order_of_the_law(client, alice, practice):
    carol = make_provider("carol", practice=practice)
    today = practice.today()
    first = make_draft(alice.provider, days_supply=30)
    draft = make_draft(
        alice.provider,
        patient=first.patient,
        drug=make_drug(),
        days_supply=30,
        earliest_fill_on=today + timedelta(30),
        partial_fill_quantity=10,
        supervisor=carol,
        note="Call me.",
    )
    for one in (first, draft):
        ceremony.mark_ready(one, by=alice)
    client.force_login(alice)

    page = client.get(reverse("prescription-sign", args=[draft.public_id])).text
    page = " ".join(page[page.index("<h1>") :].split())
    places = [
        page.index(text)
        for text in [
            f"{today:%b} {today.day}, {today.year}",
            draft.patient.full_name,
            draft.patient.address_line_1,
            f"<strong>{draft.drug.name}</strong>",
            f"{draft.drug.strength}, {draft.drug.form}",
            "30 tablets, 30 days’ supply",
            "10 tablets each, all within 30 days of issue",
            draft.directions,
            "<dt>Refills</dt> <dd>0</dd>",
            "Not to be filled before",
            "Prescription 2 of 2, 60 days’ supply in all",
            str(alice.provider),
            practice.address_line_1,
            f"DEA {draft.dea_registration.number}",
            "<dt>Supervisor</dt>",
            "By completing the two-factor authentication protocol",
            'name="password"',
        ]
    ]

    assert places == sorted(places)


@pytest.mark.django_db
@pytest.mark.cfr("1311.120(b)(9)(v)")
@pytest.mark.cfr("1306.22(a)")
def test_the_review_says_refills_and_until_when(client, alice):
    drug = make_drug("Lorazepam 1 mg tablet")
    draft = make_draft(alice.provider, drug=drug, refills=5)
    client.force_login(alice)

    page = client.get(draft.get_absolute_url()).text

    lapses = draft.last_fill_day
    until = f"{lapses:%b} {lapses.day}, {lapses.year}"
    assert f"<dd>5; not filled or refilled after {until}</dd>" in page
