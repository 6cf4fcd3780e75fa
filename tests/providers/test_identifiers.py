import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from providers import identifiers

DIGITS = "0123456789"


@pytest.mark.parametrize("number", ["AB1234563", "BE0000000", "MF1234563", "F91234563"])
def test_a_dea_number_with_its_check_digit(number):
    assert identifiers.is_dea_number(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "AB1234560",  # check digit
        "XB1234563",  # a waiver, never a registration
        "PB1234563",  # a distributor
        "A11234563",
        "ab1234563",
        "AB123456",
        "AB12345633",
        " AB1234563",
        "AB1234563\n",
        "AB１234563",  # full-width digit
    ],
)
def test_no_dea_number_of_a_practitioner(number):
    assert not identifiers.is_dea_number(number)


@pytest.mark.parametrize("number", ["1234567893", "1245319599", "2000000002"])
def test_an_npi_with_its_check_digit(number):
    assert identifiers.is_npi(number)


@pytest.mark.parametrize(
    "number",
    ["", "1234567890", "3234567891", "123456789", "12345678933", "１234567893"],
)
def test_no_npi(number):
    assert not identifiers.is_npi(number)


@given(
    st.text(DIGITS, min_size=6, max_size=6), st.integers(0, 5), st.sampled_from(DIGITS)
)
def test_one_wrong_digit_of_a_dea_number_shows(digits, position, other):
    # The even places count twice: a change by five there goes unseen by design.
    right = next(
        f"AB{digits}{check}"
        for check in DIGITS
        if identifiers.is_dea_number(f"AB{digits}{check}")
    )
    wrong = f"AB{digits[:position]}{other}{digits[position + 1 :]}{right[-1]}"
    change = abs(int(other) - int(digits[position]))

    assert identifiers.is_dea_number(wrong) == (
        change == 0 or (change == 5 and position % 2 == 1)
    )


@pytest.mark.parametrize(
    ("validate", "right", "wrong"),
    [
        (identifiers.validate_schedules, "II,III", "II,II"),
        (identifiers.validate_schedules, "V", "I"),
        (identifiers.validate_schedules, "IV,V", "IV, V"),
        (identifiers.validate_state, "NY", "ny"),
        (identifiers.validate_postal_code, "12207-1234", "1220"),
        (identifiers.validate_phone, "5185550100", "518-555-0100"),
        (identifiers.validate_time_zone, "America/New_York", "Mars/Olympus"),
        (identifiers.validate_time_zone, "America/Los_Angeles", "../etc/passwd"),
    ],
)
def test_formats_take_the_right_and_refuse_the_wrong(validate, right, wrong):
    validate(right)
    with pytest.raises(ValidationError):
        validate(wrong)
