"""A practitioner's authority to prescribe at a practice on a day, and what it lacks.

21 CFR 1306.03(a), 1311.125(b), (d).
"""

from datetime import date

from providers import credentialing
from providers.models import (
    Cause,
    DeaRegistration,
    Membership,
    Practice,
    Provider,
    Role,
    StateLicense,
)


def registrations_of(
    provider: Provider, *, practice: Practice
) -> list[DeaRegistration]:
    """Return the DEA registrations for the State of the practice."""
    return list(
        provider.dea_registrations.filter(state=practice.state).select_related(
            "institution"
        )
    )


def license_of(
    provider: Provider, *, practice: Practice, on: date
) -> StateLicense | None:
    """Return a current license of the practice's State, if there is one."""
    licenses = provider.state_licenses.filter(state=practice.state)
    return next((row for row in licenses if row.is_current(on=on)), None)


def works_at(provider: Provider, *, practice: Practice) -> bool:
    """Return True if the practitioner works there as a provider."""
    return Membership.objects.filter(
        user=provider.user_id, practice=practice, role=Role.PROVIDER, left_on=None
    ).exists()


def is_missing_on_list(provider: Provider, *, practice: Practice) -> bool:
    """Return True if the practice's institution has not listed the provider."""
    institution = practice.institution
    return institution is not None and not credentialing.is_listed(
        provider, institution=institution
    )


def lapses(provider: Provider, *, practice: Practice, on: date) -> list[Cause]:
    """Return the causes to suspend access there on this day (1311.125(d))."""
    causes = [] if works_at(provider, practice=practice) else [Cause.LEFT]
    causes += _registration_lapses(provider, practice=practice, on=on)
    if not causes and is_missing_on_list(provider, practice=practice):
        causes.append(Cause.NOT_LISTED)
    if license_of(provider, practice=practice, on=on) is None:
        causes.append(Cause.LICENSE_EXPIRED)
    return causes


def _registration_lapses(
    provider: Provider, *, practice: Practice, on: date
) -> list[Cause]:
    registrations = registrations_of(provider, practice=practice)
    current = [row for row in registrations if row.is_current(on=on)]
    if any(credentialing.covers(row) for row in current):
        return []
    if current:
        return [Cause.NOT_LISTED]
    if any(row.institution and row.is_own_part_current(on=on) for row in registrations):
        return [Cause.INSTITUTION]
    has_ended = any(row.ended_on and row.ended_on <= on for row in registrations)
    return [Cause.DEA_ENDED if has_ended else Cause.DEA_EXPIRED]
