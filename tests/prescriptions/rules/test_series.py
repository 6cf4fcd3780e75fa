"""Several prescriptions of one Schedule II drug (21 CFR 1306.12(b))."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from prescriptions import rules
from prescriptions.delivery import cancellation
from prescriptions.models import Drug, Prescription, StateRule, Status
from prescriptions.rules.series import LONGEST_SUPPLY, is_same_drug
from prescriptions.signing import ceremony
from prescriptions.writing import rule_context
from tests.factories import code_of
from tests.prescriptions.factories import (
    SESSION,
    make_draft,
    make_drug,
    make_ready,
    prove,
)
from tests.prescriptions.rules.unsaved import TODAY, a_prescription, labels

FIRST, SECOND, THIRD = None, TODAY + timedelta(30), TODAY + timedelta(60)


def a_series(days, fills, **overrides):
    return [
        a_prescription("II", days_supply=supply, earliest_fill_on=fill, **overrides)
        for supply, fill in zip(days, fills, strict=True)
    ]


def reasons(prescriptions, **around):
    """Return what stands against each, with all the others around it."""
    return {
        label
        for one in prescriptions
        for label in labels(one, others=tuple(prescriptions), **around)
    }


@pytest.mark.cfr("1306.12(b)(1)")
@pytest.mark.parametrize(
    ("days", "fills", "is_allowed"),
    [
        ([30, 30, 30], [FIRST, SECOND, THIRD], True),
        ([30, 30, 30], [SECOND, FIRST, THIRD], True),
        ([30, 30, 31], [FIRST, SECOND, THIRD], False),
        ([30, 30], [SECOND, THIRD], True),
        ([45, 45], [TODAY, SECOND], True),
        ([30, None], [FIRST, SECOND], False),
        ([None, 30], [FIRST, SECOND], False),
        ([1] * 90, [FIRST, *[SECOND] * 89], True),
        ([91], [FIRST], True),
        ([None], [FIRST], True),
    ],
)
def test_a_series_covers_at_most_ninety_days(days, fills, is_allowed):
    assert (reasons(a_series(days, fills)) == set()) is is_allowed


@pytest.mark.cfr("1306.12(b)(1)(ii)")
@pytest.mark.parametrize(
    "fills", [[None, None], [None, TODAY], [TODAY, TODAY], [None, None, THIRD]]
)
def test_each_but_the_first_says_when_it_may_be_filled(fills):
    [found] = reasons(a_series([10] * len(fills), fills))

    assert "only one of them can be filled at once" in found


@pytest.mark.cfr("1306.12(b)(1)(ii)")
def test_what_waits_for_its_day_is_not_blamed_for_the_others():
    series = a_series([10, 10, 10], [None, None, THIRD])

    assert labels(series[2], others=tuple(series)) == []


@pytest.mark.cfr("1306.12(b)(1)(iv)")
@pytest.mark.parametrize(
    ("state", "is_active", "is_allowed"),
    [("NY", False, False), ("NY", True, True), ("CA", False, True)],
)
def test_a_state_may_allow_no_series(state, is_active, is_allowed):
    rule = StateRule(
        state=state, schedule="II", series_allowed=is_active, source="PHL 3332(3)"
    )
    found = reasons(a_series([30, 30], [FIRST, SECOND]), state_rules=(rule,))

    assert (found == set()) is is_allowed
    assert is_allowed or "NY does not allow a series of them (PHL 3332(3))" in str(
        found
    )
    assert not labels(a_prescription("II"), state_rules=(rule,))


@pytest.mark.cfr("1306.12(b)")
@pytest.mark.parametrize("schedule", ["III", "IV", "V"])
def test_other_schedules_have_no_series(schedule):
    two = [a_prescription(schedule), a_prescription(schedule)]

    assert reasons(two) == set()


@pytest.mark.cfr("1306.12(b)")
def test_another_patient_has_a_series_of_their_own():
    mine, theirs = a_series([60, 60], [None, None])
    theirs.patient_id = mine.patient_id + 1

    assert labels(mine, others=(theirs,)) == []


@pytest.mark.cfr("1306.11(d)")
@pytest.mark.cfr("1306.12(b)")
def test_what_was_dispensed_in_an_emergency_is_not_filled_again():
    after, regular = a_series([3, 30], [None, None])
    after.emergency_oral_on = TODAY - timedelta(1)

    assert reasons([after, regular]) == set()


@pytest.mark.cfr("1306.12(b)")
@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ({}, True),
        ({"strength": "20 mg", "name": "Oxycodone 20 mg tablet"}, True),
        ({"form": "extended-release tablet"}, False),
        ({"form": "TABLET"}, True),
        ({"substance": "OXYCODONE"}, True),
        ({"substance": "oxycodone; acetaminophen"}, True),
        ({"substance": "oxycodone; acetaminophen", "dea_code": ""}, False),
        ({"substance": "morphine", "dea_code": "9300"}, False),
    ],
)
def test_one_drug_is_one_substance_in_one_form_in_any_strength(other, is_same):
    facts = {"substance": "oxycodone", "dea_code": "9143", "form": "tablet"}

    assert is_same_drug(Drug(**facts), Drug(**facts | other)) is is_same


SUPPLIES = st.lists(st.integers(1, 60), min_size=2, max_size=6)


@pytest.mark.cfr("1306.12(b)(1)")
@settings(deadline=None, database=None)
@given(SUPPLIES)
def test_ninety_days_are_the_limit_however_they_are_divided(days):
    fills = [None, *(TODAY + timedelta(n) for n in range(1, len(days)))]

    found = reasons(a_series(days, fills))

    assert (found == set()) is (sum(days) <= LONGEST_SUPPLY)


@pytest.mark.cfr("1306.12(b)(1)(ii)")
@settings(deadline=None, database=None)
@given(
    st.lists(
        st.none() | st.integers(0, 80).map(lambda days: TODAY + timedelta(days)),
        min_size=2,
        max_size=6,
    )
)
def test_two_that_can_be_filled_now_never_pass(fills):
    at_once = [fill for fill in fills if fill is None or fill == TODAY]

    found = reasons(a_series([5] * len(fills), fills))

    assert (found == set()) is (len(at_once) <= 1)


def test_a_place_in_a_series_goes_by_the_date_of_filling():
    third, first, second = a_series([30, 30, 30], [THIRD, FIRST, SECOND])
    every = (third, first, second)

    places = [rules.place(one, every, on=TODAY) for one in (first, second, third)]

    assert [place.number for place in places if place] == [1, 2, 3]
    assert {(place.count, place.days_supply) for place in places if place} == {(3, 90)}
    assert rules.place(first, (), on=TODAY) is None


@pytest.mark.parametrize(
    ("days", "said", "is_too_long"),
    [([45, 45], 90, False), ([45, 46], 91, True), ([45, None], None, False)],
)
def test_a_series_too_long_is_told_while_it_is_drafted(days, said, is_too_long):
    series = a_series(days, [FIRST, SECOND])

    place = rules.place(series[0], series, on=TODAY)

    assert place
    assert (place.days_supply, place.is_too_long) == (said, is_too_long)


@pytest.fixture
def three(alice):
    """Drafts of thirty days each, for one patient, in strengths of one drug."""
    today = alice.memberships.get().practice.today()
    first = make_draft(alice.provider, days_supply=30)
    return [
        first,
        *(
            make_draft(
                alice.provider,
                patient=first.patient,
                drug=make_drug(f"Oxycodone hydrochloride {strength} mg tablet"),
                days_supply=30,
                earliest_fill_on=today + timedelta(days),
            )
            for strength, days in [(10, 30), (15, 60)]
        ),
    ]


def mark(prescriptions, *, by):
    for one in prescriptions:
        ceremony.mark_ready(one, by=by)
        one.refresh_from_db()


@pytest.mark.django_db
@pytest.mark.cfr("1306.12(b)(1)")
def test_a_series_is_signed_together_and_dated_the_same_day(three, alice, phone):
    mark(three, by=alice)

    ceremony.sign(three, by=alice, challenge=prove(three, phone), session_key=SESSION)

    signed = Prescription.objects.all()
    assert {one.status for one in signed} == {Status.QUEUED}
    assert {one.issued_on for one in signed} == {three[0].practice.today()}


@pytest.mark.django_db
@pytest.mark.cfr("1306.12(b)(1)")
@pytest.mark.parametrize("also_signed", [False, True])
def test_what_was_marked_or_signed_before_counts(three, alice, phone, also_signed):
    mark(three, by=alice)
    if also_signed:
        ceremony.sign(
            three, by=alice, challenge=prove(three, phone), session_key=SESSION
        )
    fourth = make_draft(
        alice.provider,
        patient=three[0].patient,
        drug=make_drug(),
        days_supply=1,
        earliest_fill_on=three[0].practice.today() + timedelta(90),
    )

    with pytest.raises(ceremony.NotSignable, match="together 91 days’ supply"):
        ceremony.mark_ready(fourth, by=alice)


@pytest.mark.django_db
def test_a_review_counts_what_is_marked_and_the_record_what_it_says(
    client, three, alice, phone
):
    client.force_login(alice)
    last = reverse("prescription-sign", args=[three[2].public_id])
    assert "<dt>Series</dt>" not in client.get(last).text
    mark(three[:2], by=alice)
    assert "Prescription 3 of 3, 90 days’ supply in all" in client.get(last).text

    ceremony.sign(
        three[:2], by=alice, challenge=prove(three[:2], phone), session_key=SESSION
    )
    cancellation.cancel(three[0], by=alice, reason="Wrong strength")

    assert "Prescription 2 of 2, 60 days’ supply in all" in client.get(last).text
    for signed in three[:2]:
        assert "<dt>Series</dt>" not in client.get(signed.get_absolute_url()).text


@pytest.mark.django_db
@pytest.mark.cfr("1306.12(b)(1)(ii)")
def test_a_draft_beside_another_says_what_both_of_them_need(client, alice):
    first = make_draft(alice.provider, days_supply=7)
    second = make_draft(
        alice.provider, patient=first.patient, drug=make_drug(), days_supply=7
    )
    client.force_login(alice)

    page = client.get(second.get_absolute_url()).text

    assert "only one of them can be filled at once" in page
    assert "earliest fill date after today" in page
    assert "cannot be signed yet" not in page


@pytest.mark.both_databases
@pytest.mark.django_db
@pytest.mark.cfr("1306.12(b)(1)(ii)")
def test_two_marked_at_the_same_moment_are_found_out_at_the_signature(
    alice, phone, monkeypatch
):
    """Each hand that marks sees the other still as a draft."""
    first = make_draft(alice.provider)
    second = make_draft(alice.provider, patient=first.patient, drug=first.drug)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(
            rule_context,
            "_counted_in_series",
            lambda *args, **kwargs: Prescription.objects.none(),
        )
        mark([first, second], by=alice)

    for steps, one in enumerate([first, second]):
        proof = prove([one], phone, code=code_of(phone, steps=steps))
        with pytest.raises(
            ceremony.NotSignable, match="only one of them can be filled"
        ):
            ceremony.sign([one], by=alice, challenge=proof, session_key=SESSION)


@pytest.mark.django_db
@pytest.mark.cfr("1306.12(b)(1)")
def test_drafts_and_what_was_given_up_do_not_count(three, alice):
    around = rule_context.load(three)
    assert around.others == ()

    Prescription.objects.filter(pk=three[0].pk).update(status=Status.DISCARDED)
    assert rule_context.load(three).others == ()


@pytest.mark.django_db
@pytest.mark.cfr("1306.12(b)(1)")
def test_a_mark_of_yesterday_does_not_count(three, alice):
    mark(three, by=alice)
    assert len(rule_context.load(three).others) == 3

    with time_machine.travel(timezone.now() + timedelta(days=1)):
        assert rule_context.load(three).others == ()


@pytest.mark.django_db
@pytest.mark.cfr("1306.12(b)(1)")
@pytest.mark.parametrize(("days", "count"), [(29, 2), (31, 1), (61, 0)])
def test_what_was_issued_earlier_counts_while_it_waits(
    three, alice, phone, days, count
):
    mark(three, by=alice)
    ceremony.sign(three, by=alice, challenge=prove(three, phone), session_key=SESSION)

    with time_machine.travel(timezone.now() + timedelta(days=days)):
        assert len(rule_context.load(three).others) == count


@pytest.mark.django_db
def test_each_has_its_place_in_the_series_until_it_is_signed(three, alice, phone):
    mark(three, by=alice)

    assert _places(three) == {
        one.pk: rules.Place(number, 3, 90) for number, one in enumerate(three, start=1)
    }
    assert _places(three[:1]) == {three[0].pk: rules.Place(1, 3, 90)}
    ceremony.sign(three, by=alice, challenge=prove(three, phone), session_key=SESSION)
    assert set(_places(list(Prescription.objects.all())).values()) == {None}


@pytest.mark.django_db
def test_one_alone_is_no_series(alice):
    lone = make_ready(alice.provider)
    tranquilliser = make_drug("Lorazepam 1 mg tablet")
    other = make_draft(alice.provider, patient=lone.patient, drug=tranquilliser)

    assert _places([lone, other]) == {lone.pk: None, other.pk: None}


@pytest.mark.django_db
@pytest.mark.cfr("1306.12(b)(1)")
def test_the_form_shows_what_counts_with_it(client, alice, sam, three):
    patient = three[0].patient
    make_draft(alice.provider, drug=make_drug())  # of another patient
    make_draft(alice.provider, patient=patient, drug=make_drug("Lorazepam 1 mg tablet"))
    client.force_login(sam)

    create = client.get(reverse("prescription-create", args=[patient.public_id]))
    edit = client.get(reverse("prescription-edit", args=[three[0].public_id]))

    assert {one.pk for one in create.context["others"]} == {one.pk for one in three}
    assert {one.pk for one in edit.context["others"]} == {one.pk for one in three[1:]}
    later = three[1].earliest_fill_on
    text = f"30 days’ supply, not to be filled before {later:%b} {later.day}, "
    assert text in create.text


def _places(prescriptions):
    context = rule_context.load(prescriptions)
    return {
        prescription.pk: rule_context.series_place(prescription, context)
        for prescription in prescriptions
    }
