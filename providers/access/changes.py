"""Each kind of access request: what it needs, and the change that it makes.

Every verb here runs inside its caller's transaction.
"""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from django.utils import timezone

from audit import chain
from audit.acts import Act
from audit.reasons import Reason, Words
from foundation.actors import User
from mfa.models import IdmeAccount
from providers import access_managers, identity, standing
from providers.access import authority, suspension
from providers.models import (
    AccessGrant,
    AccessKind,
    AccessRequest,
    Cause,
    Provider,
    Suspension,
    Verification,
)
from providers.models.access import AccessGrantQuerySet
from providers.permissions import AccessRefused


def require_possible(access_request: AccessRequest) -> None:
    """Raise AccessRefused for a request that nobody could approve."""
    if (
        access_request.kind in (AccessKind.GRANT, AccessKind.NAME)
        and access_request.entered_by_id == access_request.person_id
    ):
        raise AccessRefused("Nobody enters a right for themselves.", reason=Reason.SELF)
    if refusal := objection(access_request):
        raise refusal


def objection(access_request: AccessRequest) -> AccessRefused | None:
    """Return why this change cannot be made now, whoever approves it."""
    return CHANGES[AccessKind(access_request.kind)].objection(access_request)


def apply(access_request: AccessRequest, *, by: User) -> None:
    """Make the change that was approved."""
    CHANGES[AccessKind(access_request.kind)].apply(access_request, by)


def suspend_meanwhile(access_request: AccessRequest, *, by: User) -> None:
    """Suspend the access to be revoked until that is decided (1311.125(d))."""
    suspension.suspend(
        _provider(access_request),
        cause=Cause.END_ENTERED,
        by=by,
        practice=access_request.practice,
    )


def _current_grants(access_request: AccessRequest) -> AccessGrantQuerySet:
    """Return the grants that the request replaces or revokes."""
    grants = AccessGrant.objects.current().at(access_request.practice)
    return grants.filter(provider=access_request.provider)


def _provider(access_request: AccessRequest) -> Provider:
    if access_request.provider is None:
        raise ValueError("This request is about no provider.")
    return access_request.provider


def _objection_to_grant(access_request: AccessRequest) -> AccessRefused | None:
    """21 CFR 1311.105(a)(1), 1311.125(b)."""
    provider, practice = _provider(access_request), access_request.practice
    causes = authority.lapses(standing.of(provider, practice=practice))
    if causes:
        labels = ", ".join(cause.label for cause in causes)
        return AccessRefused(
            f"{provider} cannot sign at {practice}: {labels}.", reason=causes[0]
        )
    return _objection_to_identity(provider) or _objection_to_look_up(access_request)


def _objection_to_identity(provider: Provider) -> AccessRefused | None:
    account = IdmeAccount.objects.linked_to(provider.user_id)
    if account is None or not account.is_identity_proofed:
        return AccessRefused(
            f"{provider} first has to choose Verify with ID.me on eRx Info: the right "
            "to sign is given to a verified identity.",
            reason=Reason.NOT_PROOFED,
        )
    if not identity.is_named_alike(provider, account):
        return AccessRefused(
            f"ID.me verified {account.first_name} {account.last_name}, who is "
            f"registered here as {provider}. Put right which is wrong.",
            reason=Reason.NOT_PROOFED,
        )
    return None


def _objection_to_look_up(access_request: AccessRequest) -> AccessRefused | None:
    """What the DEA and the State showed has to be what is registered here."""
    verification, provider = access_request.verification, _provider(access_request)
    if verification is None:
        raise ValueError("A grant is verified.")
    if not _is_current_authority(verification, access_request):
        return AccessRefused(
            f"Look at {provider}'s current registration and license for "
            f"{access_request.practice.state}.",
            reason=Reason.NOT_VERIFIED,
        )
    if _dates_seen(verification) == _dates_registered(verification):
        return None
    return AccessRefused(
        f"What was seen is not what is registered here: {_registered(verification)}. "
        "Put right which is wrong, and enter it again.",
        reason=Reason.NOT_VERIFIED,
    )


def _is_current_authority(
    verification: Verification, access_request: AccessRequest
) -> bool:
    """Return True if it is this provider's, for this State, and current today."""
    practice = access_request.practice
    return all(
        row.provider_id == access_request.provider_id
        and row.state == practice.state
        and row.is_current(on=practice.today())
        for row in (verification.dea_registration, verification.state_license)
    )


def _dates_seen(verification: Verification) -> tuple[date, date, date | None]:
    return (
        verification.dea_expires_on,
        verification.license_expires_on,
        verification.registration_expires_on,
    )


def _dates_registered(verification: Verification) -> tuple[date, date, date | None]:
    license_ = verification.state_license
    return (
        verification.dea_registration.expires_on,
        license_.expires_on,
        license_.registration_expires_on,
    )


def _registered(verification: Verification) -> str:
    dea, license_ = verification.dea_registration, verification.state_license
    text = f"DEA {dea} until {dea.expires_on}, license {license_} until "
    text += f"{license_.expires_on}"
    if license_.registration_number:
        text += f", State registration {license_.registration_number} until "
        text += f"{license_.registration_expires_on}"
    return text


def _objection_to_revocation(access_request: AccessRequest) -> AccessRefused | None:
    if not access_request.reason:
        return AccessRefused("Say why the right to sign ends.", reason=Reason.NO_REASON)
    if not _current_grants(access_request).exists():
        return AccessRefused(
            f"{access_request.subject} has no right to sign.", reason=Reason.NO_GRANT
        )
    return None


def _objection_to_designation(access_request: AccessRequest) -> AccessRefused | None:
    refusal = access_managers.objection_to(
        access_request.person, practice=access_request.practice
    )
    return AccessRefused(refusal, reason=Reason.NOT_NAMED) if refusal else None


def _objection_to_dismissal(access_request: AccessRequest) -> AccessRefused | None:
    practice = access_request.practice
    if access_managers.is_designated(access_request.person, practice=practice):
        return None
    return AccessRefused(
        f"{access_request.subject} is no designee of {practice}.",
        reason=Reason.NOT_DESIGNEE,
    )


def _grant(access_request: AccessRequest, by: User) -> None:
    provider, practice = _provider(access_request), access_request.practice
    replaced = _current_grants(access_request)
    was_suspended = Suspension.objects.filter(grant__in=replaced).exists()
    _end_grants(access_request, by=by, reason="Replaced by a new grant.")
    AccessGrant.objects.create(
        provider=provider,
        practice=practice,
        request=access_request,
        granted_by=by,
        granted_at=timezone.now(),
    )
    chain.record(
        Act.ACCESS_RESTORED if was_suspended else Act.ACCESS_GRANTED,
        by=by,
        of=provider,
        practice=str(practice.public_id),
        request=str(access_request.public_id),
    )


def _revoke(access_request: AccessRequest, by: User) -> None:
    _end_grants(access_request, by=by, reason=access_request.reason)
    chain.record(
        Act.ACCESS_REVOKED,
        by=by,
        of=access_request.provider,
        reason=Words(access_request.reason),
        request=str(access_request.public_id),
    )


def _end_grants(access_request: AccessRequest, *, by: User, reason: str) -> None:
    _current_grants(access_request).update(
        revoked_by=by,
        revoked_at=timezone.now(),
        revocation=access_request,
        reason=reason,
    )


def _designate(access_request: AccessRequest, by: User) -> None:
    access_managers.designate(
        access_request.person, practice=access_request.practice, by=by
    )


def _dismiss(access_request: AccessRequest, by: User) -> None:
    access_managers.end_designation(
        access_request.person, practice=access_request.practice, by=by
    )


class Change(NamedTuple):
    """Why one kind of request cannot be approved, and what approving it does."""

    objection: Callable[[AccessRequest], AccessRefused | None]
    apply: Callable[[AccessRequest, User], None]


CHANGES = {
    AccessKind.GRANT: Change(_objection_to_grant, _grant),
    AccessKind.REVOKE: Change(_objection_to_revocation, _revoke),
    AccessKind.NAME: Change(_objection_to_designation, _designate),
    AccessKind.DISMISS: Change(_objection_to_dismissal, _dismiss),
}
