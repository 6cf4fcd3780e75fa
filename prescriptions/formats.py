"""Formats that a pharmacy's system insists on: checked at entry, never repaired."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

validate_ncpdp_id = RegexValidator(
    r"\A[0-9]{7}\Z", "Enter the seven digits of the pharmacy's NCPDP ID."
)
validate_ndc = RegexValidator(
    r"\A[0-9]{11}\Z", "Enter the eleven digits of the NDC, without hyphens."
)
validate_unit_code = RegexValidator(
    r"\AC[0-9]{4,6}\Z", "Enter the NCI Thesaurus code of the unit, such as C48542."
)
# What XML 1.0 cannot carry, and what a person cannot see.
_UNPRINTABLE = re.compile("[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def validate_printable(value: str) -> None:
    if _UNPRINTABLE.search(value.replace("\r\n", "\n")):
        raise ValidationError("Remove the characters that cannot be printed.")


def is_printable(value: str) -> bool:
    return not _UNPRINTABLE.search(value.replace("\r\n", "\n"))
