"""What authority a practitioner has at a practice on a day, and what is missing.

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


def registration_of(
    provider: Provider, *, practice: Practice, on: date
) -> DeaRegistration | None:
    kept = registrations_of(provider, practice=practice)
    return next((one for one in kept if one.is_current(on=on)), None)


def license_of(
    provider: Provider, *, practice: Practice, on: date
) -> StateLicense | None:
    kept = provider.state_licenses.filter(state=practice.state)
    return next((one for one in kept if one.is_current(on=on)), None)


def works_at(provider: Provider, *, practice: Practice) -> bool:
    return Membership.objects.filter(
        user=provider.user_id, practice=practice, role=Role.PROVIDER, left_on=None
    ).exists()


def is_missing_on_list(provider: Provider, *, practice: Practice) -> bool:
    """Say whether the practice's institution has not listed the provider."""
    institution = practice.institution
    return institution is not None and not credentialing.is_listed(
        provider, institution=institution
    )


def lapses(provider: Provider, *, practice: Practice, on: date) -> list[Cause]:
    """Return why a right to sign there cannot stand on this day; empty if it can."""
    found = [] if works_at(provider, practice=practice) else [Cause.LEFT]
    found += _lapse_of_registrations(provider, practice=practice, on=on)
    if not found and is_missing_on_list(provider, practice=practice):
        found.append(Cause.NOT_LISTED)
    if license_of(provider, practice=practice, on=on) is None:
        found.append(Cause.LICENSE_EXPIRED)
    return found


def _lapse_of_registrations(
    provider: Provider, *, practice: Practice, on: date
) -> list[Cause]:
    kept = registrations_of(provider, practice=practice)
    current = [one for one in kept if one.is_current(on=on)]
    if any(credentialing.covers(one) for one in current):
        return []
    if current:
        return [Cause.NOT_LISTED]
    if any(one.institution and one.is_own_part_current(on=on) for one in kept):
        return [Cause.INSTITUTION]
    was_ended = any(one.ended_on and one.ended_on <= on for one in kept)
    return [Cause.DEA_ENDED if was_ended else Cause.DEA_EXPIRED]
