"""Changes of access: one access manager requests them, another one approves them.

21 CFR 1311.120(b)(4)-(5), 1311.125(b)-(c), 1311.130(b). The approver is a DEA registrant
(except at an institution) and shows both factors for exactly this change.
"""

from dataclasses import dataclass
from datetime import date

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain, refusals
from audit.acts import Act, Outcome
from audit.reasons import Reason, Words
from foundation.actors import User
from mfa import challenges
from mfa.models import Challenge, Intent, Purpose
from providers import permissions
from providers.access import approval, changes, notices
from providers.models import (
    AccessGrant,
    AccessKind,
    AccessRequest,
    AccessState,
    DeaRegistration,
    Practice,
    Provider,
    StateLicense,
    Verification,
)
from providers.permissions import AccessNotPermitted, AccessRefused, Permission

ENDS = [AccessKind.REVOKE, AccessKind.DISMISS]


@dataclass(frozen=True)
class LookUp:
    """What an access manager saw of a practitioner's authority, and where.

    21 CFR 1311.125(b).
    """

    dea_registration: DeaRegistration
    dea_expires_on: date
    dea_source: str
    state_license: StateLicense
    license_expires_on: date
    state_source: str
    registration_expires_on: date | None = None  # the State's own, if it has one
    note: str = ""


def request_grant(
    provider: Provider, *, practice: Practice, by: User, look_up: LookUp
) -> AccessRequest:
    """Request access for a provider, with the look-up of their authority.

    Raises AccessRefused (21 CFR 1311.125(b)).
    """
    verification = Verification(provider=provider, verified_by=by, **vars(look_up))
    verification.verified_at = timezone.now()
    access_request = AccessRequest(
        kind=AccessKind.GRANT,
        practice=practice,
        provider=provider,
        person=provider.user,
        verification=verification,
    )
    return _save(access_request, by=by)


def request_revocation(
    provider: Provider, *, practice: Practice, by: User, reason: str
) -> AccessRequest:
    """Request to revoke a provider's access there; signing stops at once.

    Raises AccessRefused (21 CFR 1311.125(d)).
    """
    access_request = AccessRequest(
        kind=AccessKind.REVOKE,
        practice=practice,
        provider=provider,
        person=provider.user,
        reason=reason.strip(),
    )
    return _save(access_request, by=by)


def request_designation(person: User, *, practice: Practice, by: User) -> AccessRequest:
    """Request that somebody becomes an access manager; raises AccessRefused."""
    access_request = AccessRequest(
        kind=AccessKind.NAME, practice=practice, person=person
    )
    return _save(access_request, by=by)


def request_dismissal(
    person: User, *, practice: Practice, by: User, reason: str = ""
) -> AccessRequest:
    """Request that somebody ceases to be an access manager; raises AccessRefused."""
    access_request = AccessRequest(
        kind=AccessKind.DISMISS,
        practice=practice,
        person=person,
        reason=reason.strip(),
    )
    return _save(access_request, by=by)


def approve(
    access_request: AccessRequest, *, by: User, challenge: Challenge, session_key: str
) -> AccessRequest:
    """Approve and carry out what another access manager requested.

    Raises AccessRefused or NotProven (21 CFR 1311.120(b)(4), 1311.125(c)).
    """
    with (
        refusals.recorded(Act.ACCESS_REFUSED, by=by, of=access_request),
        transaction.atomic(durable=True),
    ):
        locked = _locked(access_request)
        approval.require(locked, by=by)
        challenges.consume(
            challenge, Intent(by, Purpose.APPROVE_ACCESS, locked.digest, session_key)
        )
        _close_approved(locked, by=by, challenge=challenge)
        changes.apply(locked, by=by)
        notices.approved(locked)
    return locked


def record_refusal(
    access_request: AccessRequest, objections: list[AccessRefused], *, by: User
) -> None:
    """Record an attempt that the page refused before it asked for the two factors."""
    chain.record(
        Act.ACCESS_REFUSED,
        by=by,
        of=access_request,
        outcome=Outcome.FAILURE,
        reason=objections[0].reason if objections else Reason.CLOSED,
    )


def decline(access_request: AccessRequest, *, by: User, reason: str) -> None:
    """Close a request as the second person, with no change; raises AccessRefused."""
    with (
        refusals.recorded(Act.ACCESS_REFUSED, by=by, of=access_request),
        transaction.atomic(durable=True),
    ):
        locked = _locked(access_request)
        _require(Permission.DECLINE_CHANGE, locked.practice, by=by)
        if locked.person_id == by.pk and locked.kind in ENDS:
            raise AccessRefused(
                "This ends something of yours. Another designee decides it.",
                reason=Reason.ABOUT_SELF,
            )
        if not reason.strip():
            raise AccessRefused("Say why it is declined.", reason=Reason.NO_REASON)
        locked.closing_note = reason.strip()
        _close(locked, AccessState.REFUSED, by=by)
        chain.record(Act.ACCESS_DECLINED, by=by, of=locked, kind=locked.kind)


def withdraw(access_request: AccessRequest, *, by: User) -> None:
    """Close one's own request, with no change; raises AccessRefused."""
    with (
        refusals.recorded(Act.ACCESS_REFUSED, by=by, of=access_request),
        transaction.atomic(durable=True),
    ):
        locked = _locked(access_request)
        if not permissions.may(by, Permission.WITHDRAW_REQUEST, of=locked):
            raise AccessNotPermitted(
                "Only who entered it takes it back. Decline it instead.",
                reason=Reason.NOT_ENTERED_BY,
            )
        _close(locked, AccessState.WITHDRAWN, by=by)
        chain.record(Act.ACCESS_WITHDRAWN, by=by, of=locked, kind=locked.kind)


def give_up(provider: Provider, *, by: User, reason: str) -> None:
    """Revoke one's own access at once, at every practice; raises AccessRefused."""
    with (
        refusals.recorded(Act.ACCESS_REFUSED, by=by, of=provider),
        transaction.atomic(durable=True),
    ):
        if not permissions.may(by, Permission.GIVE_UP, of=provider):
            raise AccessNotPermitted(
                "Only its holder gives up a right to sign. Two designees end another's.",
                reason=Reason.NOT_HOLDER,
            )
        if not reason.strip():
            raise AccessRefused(
                "Say why the right to sign ends.", reason=Reason.NO_REASON
            )
        grants = AccessGrant.objects.current().filter(provider=provider)
        if not grants.update(
            revoked_by=by, revoked_at=timezone.now(), reason=reason.strip()
        ):
            raise AccessRefused(
                f"{provider} has no right to sign.", reason=Reason.NO_GRANT
            )
        chain.record(
            Act.ACCESS_REVOKED, by=by, of=provider, reason=Words(reason.strip())
        )


def _save(access_request: AccessRequest, *, by: User) -> AccessRequest:
    access_request.entered_by, access_request.entered_at = by, timezone.now()
    about = access_request.provider or access_request.practice
    try:
        with (
            refusals.recorded(Act.ACCESS_REFUSED, by=by, of=about),
            transaction.atomic(durable=True),
        ):
            _require(Permission.REQUEST_CHANGE, access_request.practice, by=by)
            changes.require_possible(access_request)
            _insert(access_request, by=by)
            notices.requested(access_request)
            if access_request.kind == AccessKind.REVOKE:
                changes.suspend_meanwhile(access_request, by=by)
    except IntegrityError:
        raise AccessRefused(
            f"Something about {access_request.subject} waits for a second person "
            "already. Let that be executed, declined or taken back first.",
            reason=Reason.OPEN_ALREADY,
        ) from None
    return access_request


def _insert(access_request: AccessRequest, *, by: User) -> None:
    if access_request.verification:
        access_request.verification.save()
    access_request.digest = approval.digest(access_request)
    access_request.save(force_insert=True)
    chain.record(Act.ACCESS_ENTERED, by=by, of=access_request, kind=access_request.kind)


def _locked(access_request: AccessRequest) -> AccessRequest:
    """Lock and return the request as it is now; raise AccessRefused if it is closed.

    With its practice, so that no two access managers dismiss each other.
    """
    locked = (
        AccessRequest.objects.select_for_update(of=["self", "practice"], no_key=True)
        .select_related("practice", "person", "provider", "entered_by", "closed_by")
        .get(pk=access_request.pk)
    )
    if not locked.is_open:
        raise AccessRefused(
            f"{locked.closed_by} closed this request already: "
            f"{locked.get_state_display().lower()}.",
            reason=Reason.CLOSED,
        )
    return locked


def _close(access_request: AccessRequest, state: AccessState, *, by: User) -> None:
    access_request.state, access_request.closed_by = state, by
    access_request.closed_at = timezone.now()
    access_request.save()


def _close_approved(
    access_request: AccessRequest, *, by: User, challenge: Challenge
) -> None:
    access_request.challenge = challenge
    access_request.is_own = approval.is_own(access_request, by=by)
    _close(access_request, AccessState.EXECUTED, by=by)
    chain.record(
        Act.ACCESS_EXECUTED,
        by=by,
        of=access_request,
        kind=access_request.kind,
        own=access_request.is_own,
        challenge=str(challenge.public_id),
    )


def _require(permission: Permission, practice: Practice, *, by: User) -> None:
    if not permissions.may(by, permission, of=practice):
        raise AccessNotPermitted(
            f"Only those who set access at {practice} do that.",
            reason=Reason.NOT_DESIGNEE,
        )
