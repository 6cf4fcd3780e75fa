"""Formats that pharmacy systems require: checked at entry, never corrected."""

import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

# Characters that SCRIPT carries.
DIRECTIONS_LENGTH = 1000
NOTE_LENGTH = 210
MOST_DAYS_SUPPLY = 999

validate_ncpdp_id = RegexValidator(
    r"\A[0-9]{7}\Z", "Enter the seven digits of the pharmacy's NCPDP ID."
)
validate_ndc = RegexValidator(
    r"\A[0-9]{11}\Z", "Enter the eleven digits of the NDC, without hyphens."
)
validate_unit_code = RegexValidator(
    r"\AC[0-9]{4,6}\Z", "Enter the NCI Thesaurus code of the unit, such as C48542."
)
# Unicode categories that are invisible or that another system reads differently:
# controls, formats (direction marks, zero widths), surrogates, private and unassigned
# characters, line and paragraph separators.
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def validate_printable(value: str) -> None:
    if not is_printable(value):
        raise ValidationError("Remove the characters that cannot be printed.")


def is_printable(value: str) -> bool:
    """Return True if a person and a pharmacy's system read the same text."""
    text = value.replace("\r\n", "").replace("\n", "")
    return not any(unicodedata.category(character) in INVISIBLE for character in text)
