"""An institution's list of practitioners who may prescribe under its DEA number.

A credentialing officer adds a practitioner, two officers approve, any one removes. 21 CFR
1311.110(a), 1311.130(a), (c), (d): the credentialing office manages no access, and access
managers verify no practitioner.
"""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain, refusals
from audit.acts import Act
from audit.reasons import Reason
from foundation.actors import User
from providers import credentialing, permissions
from providers.access import suspension
from providers.models import (
    Cause,
    CredentialingOfficer,
    Designee,
    Institution,
    Listing,
    Membership,
    Provider,
)
from providers.permissions import AccessNotPermitted, AccessRefused, Permission

LIST = Permission.LIST_PRACTITIONERS


@dataclass(frozen=True)
class InPersonCheck:
    """What an officer checked in person (21 CFR 1311.110(a)(1)-(3))."""

    photo_id: str
    state_authority: str
    privileges: str


def appoint_officer(
    user: User, *, institution: Institution, by: User | None
) -> CredentialingOfficer:
    """Appoint a credentialing officer, in the caller's transaction.

    Raises AccessRefused (21 CFR 1311.130(a)).
    """
    if refusal := objection_to_officer(user, institution=institution):
        raise AccessRefused(refusal, reason=Reason.NOT_NAMED)
    officer = CredentialingOfficer.objects.create(
        user=user, institution=institution, named_by=by, since=timezone.now()
    )
    chain.record(Act.CREDENTIALING_OFFICER_NAMED, by=by, of=user)
    return officer


def objection_to_officer(user: User, *, institution: Institution) -> str:
    """Return why somebody cannot be a credentialing officer there, or ""."""
    if credentialing.is_officer(user, institution=institution):
        return f"{user} belongs to the proofing office already."
    designated = Designee.objects.current().filter(
        user=user, practice__institution=institution
    )
    if designated.exists():
        return (
            f"{user} sets access at {institution}. Whoever proofs practitioners does "
            "not also set access."
        )
    return ""


def remove_officer(officer: CredentialingOfficer, *, by: User) -> None:
    """End an officer's appointment, as one of the office; raises AccessRefused."""
    institution = officer.institution
    with (
        refusals.recorded(Act.ACCESS_REFUSED, by=by, of=institution),
        transaction.atomic(durable=True),
    ):
        # One at a time, so that no two officers remove each other.
        Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)
        _require(Permission.REMOVE_OFFICER, institution, by=by)
        CredentialingOfficer.objects.filter(pk=officer.pk).end(by=by)
        chain.record(Act.CREDENTIALING_OFFICER_ENDED, by=by, of=officer.user)


def add(
    provider: Provider, *, institution: Institution, by: User, check: InPersonCheck
) -> Listing:
    """Add a practitioner to the list, to be approved by two officers.

    Raises AccessRefused (21 CFR 1311.110(a)).
    """
    try:
        with (
            refusals.recorded(Act.ACCESS_REFUSED, by=by, of=institution),
            transaction.atomic(durable=True),
        ):
            _require(LIST, institution, by=by, about=provider)
            _require_association(provider, institution=institution)
            _require_check(check)
            listing = Listing(provider=provider, institution=institution, **vars(check))
            listing.entered_by, listing.entered_at = by, timezone.now()
            listing.save(force_insert=True)
            chain.record(Act.CREDENTIALING_ENTERED, by=by, of=listing)
    except IntegrityError:
        raise AccessRefused(
            f"{provider} is on the list already.", reason=Reason.OPEN_ALREADY
        ) from None
    return listing


def approve(listing: Listing, *, by: User) -> None:
    """Approve a listed practitioner, as first or second officer (1311.130(a))."""
    with (
        refusals.recorded(Act.ACCESS_REFUSED, by=by, of=listing),
        transaction.atomic(durable=True),
    ):
        locked = _locked(listing, by=by)
        if locked.second_approved_by_id:
            raise AccessRefused("Two have approved it already.", reason=Reason.CLOSED)
        if locked.first_approved_by_id == by.pk:
            raise AccessRefused(
                "You approved it already. A second person does, too.",
                reason=Reason.SAME_PERSON,
            )
        order = "second" if locked.first_approved_by_id else "first"
        setattr(locked, f"{order}_approved_by", by)
        setattr(locked, f"{order}_approved_at", timezone.now())
        locked.save()
        chain.record(Act.CREDENTIALING_APPROVED, by=by, of=locked)


def remove(listing: Listing, *, by: User, reason: str) -> None:
    """Remove a practitioner from the list; signing there stops at once.

    Raises AccessRefused (21 CFR 1311.130(d)).
    """
    with (
        refusals.recorded(Act.ACCESS_REFUSED, by=by, of=listing),
        transaction.atomic(durable=True),
    ):
        locked = _locked(listing, by=by)
        if not reason.strip():
            raise AccessRefused("Say why.", reason=Reason.NO_REASON)
        locked.ended_by, locked.ended_at = by, timezone.now()
        locked.reason = reason.strip()
        locked.save()
        for practice in locked.institution.practices.all():
            suspension.suspend(
                locked.provider, cause=Cause.NOT_LISTED, by=by, practice=practice
            )
        chain.record(Act.CREDENTIALING_ENDED, by=by, of=locked)


def _require(
    permission: Permission,
    institution: Institution,
    *,
    by: User,
    about: Provider | None = None,
) -> None:
    if not permissions.may(by, permission, of=institution):
        raise AccessNotPermitted(
            f"Only the proofing office of {institution} does that.",
            reason=Reason.NOT_OFFICER,
        )
    if about and about.user_id == by.pk:
        raise AccessRefused("Nobody proofs themselves.", reason=Reason.SELF)


def _require_association(provider: Provider, *, institution: Institution) -> None:
    memberships = Membership.objects.filter(
        user=provider.user_id, practice__institution=institution, left_on=None
    )
    if not memberships.exists():
        raise AccessRefused(
            f"{provider} works at no practice of {institution}.", reason=Cause.LEFT
        )


def _require_check(check: InPersonCheck) -> None:
    if not all(text.strip() for text in vars(check).values()):
        raise AccessRefused(
            "Say what you looked at: photo identification, State license and privileges.",
            reason=Reason.NOT_CHECKED,
        )


def _locked(listing: Listing, *, by: User) -> Listing:
    rows = Listing.objects.select_for_update(of=["self"], no_key=True)
    locked = rows.select_related("institution", "provider__user").get(pk=listing.pk)
    _require(LIST, locked.institution, by=by, about=locked.provider)
    if locked.ended_at:
        raise AccessRefused("It was taken off the list already.", reason=Reason.CLOSED)
    return locked
