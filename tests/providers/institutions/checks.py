"""What tests of institutions look at."""

import pytest

from providers.institutions import roster
from providers.permissions import AccessRefused

CHECKED = roster.InPersonCheck(
    photo_id="Passport", state_authority="NY license", privileges="Medicine, 2026"
)


def refused(code):
    return pytest.raises(AccessRefused, check=lambda refusal: refusal.reason == code)
