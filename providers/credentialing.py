"""Whom an institution lets prescribe in its name (21 CFR 1311.130(a))."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from providers.models import (
    CredentialingOfficer,
    DeaRegistration,
    Institution,
    Listing,
    Provider,
)


def is_listed(provider: Provider, *, institution: Institution) -> bool:
    """Say whether two of the proofing office have approved this practitioner."""
    return (
        Listing.objects.approved()
        .filter(provider=provider, institution=institution)
        .exists()
    )


def covers(registration: DeaRegistration) -> bool:
    """Say whether nothing but the registration itself is needed to prescribe under it."""
    if registration.institution is None:
        return True
    return is_listed(registration.provider, institution=registration.institution)


def covered(registrations: QuerySet[DeaRegistration]) -> QuerySet[DeaRegistration]:
    """Return those of which the same can be said."""
    listed = Listing.objects.approved().filter(
        institution=OuterRef("institution"), provider=OuterRef("provider")
    )
    return registrations.filter(Q(institution=None) | Exists(listed))


def institutions_of(user) -> QuerySet[Institution]:
    """Return the institutions whose proofing office this user belongs to."""
    offices = CredentialingOfficer.objects.filter(user=user, until=None)
    return Institution.objects.filter(pk__in=offices.values("institution"))


def is_officer(user, *, institution: Institution) -> bool:
    return user.is_active and institutions_of(user).filter(pk=institution.pk).exists()
