"""An institution's list of who may prescribe: entered, approved by two, ended at once.

21 CFR 1311.110(a), 1311.130(a), (c), (d). The proofing office sets no access, and those
who set access proof nobody.
"""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from providers import credentialing
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
from providers.refusals import NotAllowed, on_record


@dataclass(frozen=True)
class InPersonCheck:
    """What was looked at, in person (21 CFR 1311.110(a)(1)-(3))."""

    photo_id: str
    state_authority: str
    privileges: str


def appoint_officer(user, *, institution: Institution, by) -> CredentialingOfficer:
    """Put somebody into the proofing office, in the caller's transaction."""
    if refusal := objection_to_officer(user, institution=institution):
        raise NotAllowed(refusal, code="not_named")
    named = CredentialingOfficer.objects.create(
        user=user, institution=institution, named_by=by, since=timezone.now()
    )
    chain.record(Act.CREDENTIALING_OFFICER_NAMED, by=by, of=user)
    return named


def objection_to_officer(user, *, institution: Institution) -> str:
    """Say why somebody cannot belong to the proofing office; empty if they can."""
    if credentialing.is_officer(user, institution=institution):
        return f"{user} belongs to the proofing office already."
    designated = Designee.objects.filter(
        user=user, until=None, practice__institution=institution
    )
    if designated.exists():
        return (
            f"{user} sets access at {institution}. Whoever proofs practitioners does "
            "not also set access."
        )
    return ""


def remove_officer(officer: CredentialingOfficer, *, by) -> None:
    """Take somebody out of the proofing office, as one of it."""
    institution = officer.institution
    with on_record(institution, by=by), transaction.atomic(durable=True):
        # One at a time, so that no two who belong to it end each other.
        Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)
        _require_officer(institution, by=by)
        CredentialingOfficer.objects.filter(pk=officer.pk, until=None).update(
            until=timezone.now(), ended_by=by
        )
        chain.record(Act.CREDENTIALING_OFFICER_ENDED, by=by, of=officer.user)


def add(
    provider: Provider, *, institution: Institution, by, check: InPersonCheck
) -> Listing:
    """Put a practitioner on the list; it counts once two have approved."""
    try:
        with on_record(institution, by=by), transaction.atomic(durable=True):
            _require_officer(institution, by=by, about=provider)
            _require_association(provider, institution=institution)
            _require_check(check)
            listing = Listing.objects.create(
                provider=provider,
                institution=institution,
                entered_by=by,
                entered_at=timezone.now(),
                **vars(check),
            )
            chain.record(Act.CREDENTIALING_ENTERED, by=by, of=listing)
    except IntegrityError:
        raise NotAllowed(
            f"{provider} is on the list already.", code="open_already"
        ) from None
    return listing


def approve(listing: Listing, *, by) -> None:
    """Approve somebody on the list, as the first or the second of the office."""
    with on_record(listing, by=by), transaction.atomic(durable=True):
        locked = _locked(listing, by=by)
        if locked.second_approved_by_id:
            raise NotAllowed("Two have approved it already.", code="closed")
        if locked.first_approved_by_id == by.pk:
            raise NotAllowed(
                "You approved it already. A second person does, too.",
                code="same_person",
            )
        order = "second" if locked.first_approved_by_id else "first"
        setattr(locked, f"{order}_approved_by", by)
        setattr(locked, f"{order}_approved_at", timezone.now())
        locked.save()
        chain.record(Act.CREDENTIALING_APPROVED, by=by, of=locked)


def remove(listing: Listing, *, by, reason: str) -> None:
    """Take somebody off the list; signing there stops at once (1311.130(d))."""
    with on_record(listing, by=by), transaction.atomic(durable=True):
        locked = _locked(listing, by=by)
        if not reason.strip():
            raise NotAllowed("Say why.", code="no_reason")
        locked.ended_by, locked.ended_at = by, timezone.now()
        locked.reason = reason.strip()
        locked.save()
        for practice in locked.institution.practices.all():
            suspension.suspend(
                locked.provider, cause=Cause.NOT_LISTED, by=by, practice=practice
            )
        chain.record(Act.CREDENTIALING_ENDED, by=by, of=locked)


def _require_officer(
    institution: Institution, *, by, about: Provider | None = None
) -> None:
    if not credentialing.is_officer(by, institution=institution):
        raise NotAllowed(
            f"Only the proofing office of {institution} does that.", code="not_officer"
        )
    if about and about.user_id == by.pk:
        raise NotAllowed("Nobody proofs themselves.", code="self")


def _require_association(provider: Provider, *, institution: Institution) -> None:
    there = Membership.objects.filter(
        user=provider.user_id, practice__institution=institution, left_on=None
    )
    if not there.exists():
        raise NotAllowed(
            f"{provider} works at no practice of {institution}.", code="left"
        )


def _require_check(check: InPersonCheck) -> None:
    if not all(seen.strip() for seen in vars(check).values()):
        raise NotAllowed(
            "Say what you looked at: photo identification, State license and privileges.",
            code="not_checked",
        )


def _locked(listing: Listing, *, by) -> Listing:
    locked = Listing.objects.select_for_update(of=["self"], no_key=True)
    current = locked.select_related("institution", "provider__user").get(pk=listing.pk)
    _require_officer(current.institution, by=by, about=current.provider)
    if current.ended_at:
        raise NotAllowed("It was taken off the list already.", code="closed")
    return current
