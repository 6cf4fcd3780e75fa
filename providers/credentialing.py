"""Whom an institution lets prescribe under its DEA number (21 CFR 1311.130(a))."""

from datetime import date

from providers.models import DeaRegistration


def covers(registration: DeaRegistration, *, on: date) -> bool:
    """Say whether nothing but the registration itself is needed to prescribe under it."""
    return registration.institution is None
