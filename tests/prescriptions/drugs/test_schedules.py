"""The stricter schedule wins, whoever says the other (21 CFR 1308)."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from prescriptions.drugs import formulary, schedules
from prescriptions.drugs.schedules import STRICTEST_FIRST
from providers.models import Schedule
from tests.prescriptions.factories import make_drug

SCHEDULES = st.sampled_from([schedule.value for schedule in Schedule])
KNOWN = st.lists(st.sets(SCHEDULES, max_size=3), max_size=4)


@pytest.mark.cfr("1306.03(a)(2)")
@pytest.mark.cfr("1308.12")
@pytest.mark.parametrize(
    ("reported", "ingredients", "ruled", "agree"),
    [
        ("II", [{"II"}], "II", True),  # oxycodone
        ("IV", [{"II"}], "II", False),  # a labeler who is wrong
        ("II", [{"IV"}], "II", False),  # or who knows better
        ("", [{"II"}], "II", False),  # not controlled, as reported
        ("", [], None, True),
        ("V", [], "V", True),
        ("III", [{"II", "III", "V"}], "III", True),  # codeine in a tablet
        ("V", [{"II", "III", "V"}], "V", True),  # and in a syrup
        ("IV", [{"II", "III", "V"}], "II", False),  # and in no such schedule
        ("", [{"III"}], "III", False),  # butalbital, exempted or not
        ("II", [{"IV"}, {"II"}], "II", True),  # serdexmethylphenidate combination
        ("IV", [{"IV"}, {"II"}], "II", False),
        ("III", [{"III"}, set()], "III", True),  # something uncontrolled beside it
    ],
)
def test_a_product_is_in_the_stricter_of_what_its_sources_say(
    reported, ingredients, ruled, agree
):
    assert schedules.ruling(reported, ingredients) == (ruled, agree)


@settings(deadline=None, database=None)
@given(st.just("") | SCHEDULES, KNOWN)
def test_no_product_is_ever_less_strict_than_what_was_reported(reported, known):
    ruled, _ = schedules.ruling(reported, known)

    if reported:
        assert ruled is not None
        assert schedules.strictest([ruled, reported]) == ruled


@settings(deadline=None, database=None)
@given(st.just("") | SCHEDULES, KNOWN)
def test_one_more_ingredient_never_makes_it_less_strict(reported, known):
    before, _ = schedules.ruling(reported, known[:-1])
    after, _ = schedules.ruling(reported, known)

    if before:
        assert after is not None
        assert schedules.strictest([after, before]) == after


@settings(deadline=None, database=None)
@given(SCHEDULES, st.permutations([{"II"}, {"IV"}, {"II", "V"}]))
def test_the_order_of_ingredients_does_not_matter(reported, ingredients):
    assert schedules.ruling(reported, ingredients) == schedules.ruling(
        reported, sorted(ingredients, key=sorted)
    )


@pytest.mark.parametrize("stricter", range(4))
@pytest.mark.parametrize("other", range(4))
def test_of_two_the_stricter(stricter, other):
    pair = [STRICTEST_FIRST[stricter], STRICTEST_FIRST[other]]

    assert schedules.strictest(pair) == STRICTEST_FIRST[min(stricter, other)]


@pytest.mark.both_databases
@pytest.mark.django_db
@pytest.mark.cfr("1308.11")
def test_nothing_in_schedule_i_can_be_prescribed():
    drug = make_drug()
    drug.schedule = "I"

    with pytest.raises(ValidationError, match="not a valid choice"):
        drug.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        drug.save()
    with pytest.raises(ValueError, match="not a valid Schedule"):
        schedules.ruling("I", [])


def test_every_product_that_comes_along_is_as_strict_as_its_ingredients():
    known = formulary.substances()

    for drug in formulary.drugs():
        of = [known[name].schedule for name in drug.substance.split("; ")]
        assert drug.schedule == schedules.strictest(of)
