"""RFC 4226 appendix D and RFC 6238 appendix B, and what lies between."""

import pytest
from django_otp.oath import TOTP
from hypothesis import given
from hypothesis import strategies as st

from mfa import totp

SEED = b"12345678901234567890"
RFC_6238 = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}
RFC_4226 = "755224 287082 359152 969429 338314 254676 287922 162583 399871 520489"


@pytest.mark.parametrize(("timestamp", "code"), RFC_6238.items())
def test_codes_are_those_of_rfc_6238(timestamp, code):
    peer = TOTP(SEED)
    peer.time = timestamp

    assert totp.code_at(SEED, totp.step_at(timestamp)) == code
    assert peer.token() == int(code)


def test_codes_are_those_of_rfc_4226():
    assert [totp.code_at(SEED, counter) for counter in range(10)] == RFC_4226.split()


@pytest.mark.parametrize(
    "code",
    [
        "",
        " ",
        "12345",
        "1234567",
        " 123456",
        "123456\n",
        "+12345",
        "-12345",
        "123_456",
        "1234.6",
        "0x1234",
        "１２３４５６",
        "𝟏𝟐𝟑𝟒𝟓𝟔",
        "¹²³⁴⁵⁶",
        "١٢٣٤٥٦",
        "12345６",
        "\x00123456",
        "\ud800",
        "1" * 1_000_000,
        123456,
        123456.0,
        True,
        None,
        ["123456"],
        b"123456",
    ],
)
def test_only_six_ascii_digits_are_a_code(code):
    assert not totp.is_well_formed(code)


def test_leading_zeros_are_part_of_a_code():
    step = next(n for n in range(10**6) if totp.code_at(SEED, n).startswith("000"))
    code = totp.code_at(SEED, step)

    assert totp.matching_step(SEED, code, steps=[step]) == step
    assert totp.matching_step(SEED, code.lstrip("0"), steps=[step]) is None


@pytest.mark.parametrize(
    ("offset", "deltas"),
    [
        (0, [-1, 0, 1]),
        (1, [-1, 0, 1, 2]),
        (-1, [-2, -1, 0, 1]),
        (2, [-1, 0, 1, 2]),
        (-2, [-2, -1, 0, 1]),
    ],
)
def test_the_window_follows_a_phone_but_never_beyond_two_steps(offset, deltas):
    steps = totp.acceptable_steps(1000, offset=offset)

    assert [step - 1000 for step in steps] == deltas


def test_no_step_before_1970_is_looked_at():
    assert totp.acceptable_steps(0) == [0, 1]


@given(st.integers(min_value=0, max_value=2**40))
def test_at_most_three_codes_are_good_at_a_time(step):
    good = {totp.code_at(SEED, one) for one in totp.acceptable_steps(step)}

    assert len(good) <= 3


@pytest.mark.parametrize("text", ["", "JBSWY3DPEHPK3PXP", "not base32!", "1" * 32])
def test_weak_or_broken_seeds_are_refused(text):
    with pytest.raises(ValueError, match=r"."):
        totp.from_base32(text)


@given(st.binary(min_size=16, max_size=64))
def test_seeds_survive_base32(seed):
    assert totp.from_base32(totp.to_base32(seed)) == seed
