"""Whom an institution lets prescribe in its name (21 CFR 1311.130(a))."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from foundation.actors import User
from providers.models import (
    CredentialingOfficer,
    DeaRegistration,
    Institution,
    Listing,
    Provider,
)


def is_listed(provider: Provider, *, institution: Institution) -> bool:
    """Return True if two credentialing officers have approved this practitioner."""
    return (
        Listing.objects.approved()
        .filter(provider=provider, institution=institution)
        .exists()
    )


def covers(registration: DeaRegistration) -> bool:
    """Return True if the practitioner is free to prescribe under this registration.

    Under an institution's number that takes its credentialing list, too.
    """
    if registration.institution is None:
        return True
    return is_listed(registration.provider, institution=registration.institution)


def covered(registrations: QuerySet[DeaRegistration]) -> QuerySet[DeaRegistration]:
    """Like `covers()`, for many registrations: return the covered ones."""
    listed = Listing.objects.approved().filter(
        institution=OuterRef("institution"), provider=OuterRef("provider")
    )
    return registrations.filter(Q(institution=None) | Exists(listed))


def institutions_of(user: User) -> QuerySet[Institution]:
    """Return the institutions whose credentialing office this user belongs to."""
    offices = CredentialingOfficer.objects.current().filter(user=user)
    return Institution.objects.filter(pk__in=offices.values("institution"))


def is_officer(user: User, *, institution: Institution) -> bool:
    """Return True if this user belongs to the institution's credentialing office."""
    return user.is_active and institutions_of(user).filter(pk=institution.pk).exists()
