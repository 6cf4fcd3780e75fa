"""NPI, DEA number and other identifiers: formats and check digits, pure functions."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from stdnum import luhn

# Practitioners' prefixes: A, B, F, G; M is mid-level. X was a waiver, never a
# registration; the second character is the registrant's initial, or 9 for a business.
_DEA_NUMBER = re.compile(r"[ABFGM][A-Z9][0-9]{7}", re.ASCII)
_NPI = re.compile(r"[12][0-9]{9}", re.ASCII)
_NPI_PREFIX = "80840"  # ISO 7812: health applications, United States


def is_dea_number(number: str) -> bool:
    """Return True if the format and check digit are a practitioner's DEA number's."""
    if not _DEA_NUMBER.fullmatch(number):
        return False
    digits = [int(digit) for digit in number[2:]]
    total = sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])
    return total % 10 == digits[6]


def is_npi(number: str) -> bool:
    """Return True if the format and Luhn digit are an NPI's (45 CFR 162.406)."""
    return bool(_NPI.fullmatch(number)) and luhn.is_valid(_NPI_PREFIX + number)


def validate_dea_number(value: str) -> None:
    if not is_dea_number(value):
        raise ValidationError(
            "Enter a practitioner's DEA number: two letters and seven digits, "
            "as printed on the certificate."
        )


def validate_npi(value: str) -> None:
    if not is_npi(value):
        raise ValidationError("Enter a valid NPI: ten digits, check digit included.")


def validate_internal_code(value: str) -> None:
    if not re.fullmatch(r"[A-Z0-9]{1,10}", value, re.ASCII):
        raise ValidationError("Enter up to ten capital letters and digits, like A12.")


def validate_schedules(value: str) -> None:
    schedules = value.split(",")
    if not set(schedules) <= {"II", "III", "IV", "V"} or len(set(schedules)) < len(
        schedules
    ):
        raise ValidationError("List schedules once each, with commas: II,III,IV,V")


def validate_state(value: str) -> None:
    if not re.fullmatch(r"[A-Z]{2}", value, re.ASCII):
        raise ValidationError("Enter the State as two capital letters, like NY.")


def validate_postal_code(value: str) -> None:
    if not re.fullmatch(r"[0-9]{5}(-[0-9]{4})?", value, re.ASCII):
        raise ValidationError("Enter a ZIP code, like 12207 or 12207-1234.")


def validate_phone(value: str) -> None:
    if not re.fullmatch(r"[0-9]{10}", value, re.ASCII):
        raise ValidationError("Enter the ten digits of a United States number.")


def validate_time_zone(value: str) -> None:
    try:
        zone(value)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValidationError("Enter a time zone such as America/New_York.") from None


def zone(name: str) -> ZoneInfo:
    """Return the time zone of this name; raise if there is none."""
    return ZoneInfo(name)
