"""What each kind of request needs and does; every verb here is inside a transaction."""

from collections.abc import Callable
from datetime import date

from django.utils import timezone

from audit import chain
from audit.acts import Act
from mfa.models import IdmeAccount
from providers import access_managers, authority, identity
from providers.access import suspension
from providers.models import (
    AccessGrant,
    AccessKind,
    AccessRequest,
    Cause,
    Provider,
    Suspension,
    Verification,
)
from providers.refusals import NotAllowed


def require_sensible(request: AccessRequest) -> None:
    """Raise NotAllowed for what nobody could execute, when it is entered."""
    if (
        request.kind in (AccessKind.GRANT, AccessKind.NAME)
        and request.entered_by_id == request.person_id
    ):
        raise NotAllowed("Nobody enters a right for themselves.", code="self")
    if refusal := objection(request):
        raise refusal


def objection(request: AccessRequest) -> NotAllowed | None:
    """Return why this change cannot be made now, whoever executes it."""
    return OBJECTIONS[AccessKind(request.kind)](request)


def make(request: AccessRequest, *, by) -> None:
    """Make the change that was executed."""
    CHANGES[AccessKind(request.kind)](request, by)


def stop(request: AccessRequest, *, by) -> None:
    """Suspend what is to end, for the time until it does (21 CFR 1311.125(d))."""
    suspension.suspend(
        _provider(request), cause=Cause.END_ENTERED, by=by, practice=request.practice
    )


def in_force(request: AccessRequest):
    """Return the grants that the request replaces or ends."""
    return (
        AccessGrant.objects.current()
        .at(request.practice)
        .filter(provider=request.provider)
    )


def _provider(request: AccessRequest) -> Provider:
    if request.provider is None:
        raise ValueError("This request is about no provider.")
    return request.provider


def _grant_objection(request: AccessRequest) -> NotAllowed | None:
    """21 CFR 1311.105(a)(1), 1311.125(b)."""
    provider, practice = _provider(request), request.practice
    lapsed = authority.lapses(provider, practice=practice, on=practice.today())
    if lapsed:
        named = ", ".join(cause.label for cause in lapsed)
        return NotAllowed(
            f"{provider} cannot sign at {practice}: {named}.", code=lapsed[0]
        )
    return _identity_objection(provider) or _authority_objection(request)


def _identity_objection(provider: Provider) -> NotAllowed | None:
    account = IdmeAccount.objects.linked_to(provider.user_id)
    if account is None or not account.is_identity_proofed:
        return NotAllowed(
            f"{provider} first has to choose Verify with ID.me on eRx Info: the right "
            "to sign is given to a verified identity.",
            code="not_proofed",
        )
    if not identity.is_named_alike(provider, account):
        return NotAllowed(
            f"ID.me verified {account.first_name} {account.last_name}, who is "
            f"registered here as {provider}. Put right which is wrong.",
            code="not_proofed",
        )
    return None


def _authority_objection(request: AccessRequest) -> NotAllowed | None:
    """What was seen at the DEA and the State is what is registered here."""
    seen, provider = request.verification, _provider(request)
    if seen is None:
        raise ValueError("A grant is verified.")
    dea, license_ = seen.dea_registration, seen.state_license
    on, state = request.practice.today(), request.practice.state
    is_theirs = {dea.provider_id, license_.provider_id} == {provider.pk}
    is_there = (
        {dea.state, license_.state} == {state}
        and dea.is_current(on=on)
        and license_.is_current(on=on)
    )
    if not (is_theirs and is_there):
        return NotAllowed(
            f"Look at {provider}'s current registration and license for {state}.",
            code="not_verified",
        )
    if _days_seen(seen) == (
        dea.expires_on,
        license_.expires_on,
        license_.registration_expires_on,
    ):
        return None
    here = f"DEA {dea} until {dea.expires_on}, license {license_} until "
    here += f"{license_.expires_on}"
    if license_.registration_number:
        here += f", State registration {license_.registration_number} until "
        here += f"{license_.registration_expires_on}"
    return NotAllowed(
        f"What was seen is not what is registered here: {here}. "
        "Put right which is wrong, and enter it again.",
        code="not_verified",
    )


def _days_seen(seen: Verification) -> tuple[date, date, date | None]:
    return seen.dea_expires_on, seen.license_expires_on, seen.registration_expires_on


def _revocation_objection(request: AccessRequest) -> NotAllowed | None:
    if not request.reason:
        return NotAllowed("Say why the right to sign ends.", code="no_reason")
    if not in_force(request).exists():
        return NotAllowed(f"{request.subject} has no right to sign.", code="no_grant")
    return None


def _naming_objection(request: AccessRequest) -> NotAllowed | None:
    refusal = access_managers.objection_to(request.person, practice=request.practice)
    return NotAllowed(refusal, code="not_named") if refusal else None


def _dismissal_objection(request: AccessRequest) -> NotAllowed | None:
    if access_managers.is_designated(request.person, practice=request.practice):
        return None
    return NotAllowed(
        f"{request.subject} is no designee of {request.practice}.", code="not_designee"
    )


def _give(request: AccessRequest, by) -> None:
    provider, now = _provider(request), timezone.now()
    replaced = in_force(request)
    was_suspended = Suspension.objects.filter(grant__in=replaced).exists()
    replaced.update(
        revoked_by=by,
        revoked_at=now,
        revocation=request,
        reason="Replaced by a new grant.",
    )
    AccessGrant.objects.create(
        provider=provider,
        practice=request.practice,
        request=request,
        granted_by=by,
        granted_at=now,
    )
    chain.record(
        Act.ACCESS_RESTORED if was_suspended else Act.ACCESS_GRANTED,
        by=by,
        of=provider,
        practice=str(request.practice.public_id),
        request=str(request.public_id),
    )


def _end(request: AccessRequest, by) -> None:
    in_force(request).update(
        revoked_by=by,
        revoked_at=timezone.now(),
        revocation=request,
        reason=request.reason,
    )
    chain.record(
        Act.ACCESS_REVOKED,
        by=by,
        of=request.provider,
        reason=request.reason,
        request=str(request.public_id),
    )


def _name(request: AccessRequest, by) -> None:
    access_managers.designate(request.person, practice=request.practice, by=by)


def _dismiss(request: AccessRequest, by) -> None:
    access_managers.end_designation(request.person, practice=request.practice, by=by)


OBJECTIONS: dict[AccessKind, Callable[[AccessRequest], NotAllowed | None]] = {
    AccessKind.GRANT: _grant_objection,
    AccessKind.REVOKE: _revocation_objection,
    AccessKind.NAME: _naming_objection,
    AccessKind.DISMISS: _dismissal_objection,
}
CHANGES: dict[AccessKind, Callable[[AccessRequest, object], None]] = {
    AccessKind.GRANT: _give,
    AccessKind.REVOKE: _end,
    AccessKind.NAME: _name,
    AccessKind.DISMISS: _dismiss,
}
