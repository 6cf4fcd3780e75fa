"""Approving a change of access: who may, and exactly what they confirm.

21 CFR 1311.120(b)(4), 1311.125(c). The approver is a second access manager and a DEA
registrant with a verified identity. Nobody approves their own grant, except the first
practitioner: the only registrant among the access managers of a practice.
"""

import hashlib
from datetime import timedelta

import rfc8785
from django.utils import timezone

from audit import seals
from audit.reasons import Reason
from foundation.actors import User
from mfa.models import Device, IdmeAccount
from providers import access_managers, identity, permissions, standing
from providers.access import authority, changes
from providers.models import (
    AccessGrant,
    AccessKind,
    AccessRequest,
    Practice,
    Provider,
    Verification,
)
from providers.permissions import AccessNotPermitted, AccessRefused, Permission

STALE_AFTER = timedelta(days=30)  # the look-up of a practitioner's authority
FOR_ANOTHER = [AccessKind.GRANT, AccessKind.NAME]


def require(access_request: AccessRequest, *, by: User) -> None:
    """Raise AccessRefused unless this person may approve this request now."""
    for objection in objections(access_request, by=by):
        raise objection


def objections(access_request: AccessRequest, *, by: User) -> list[AccessRefused]:
    """Return every reason why this person may not approve this request now."""
    practice = access_request.practice
    if not permissions.may(by, Permission.APPROVE_CHANGE, of=practice):
        return [
            AccessNotPermitted(
                f"Only those who set access at {practice} execute it.",
                reason=Reason.NOT_DESIGNEE,
            )
        ]
    every = [
        _same_person(access_request, by=by),
        _requester_left(access_request),
        _not_registrant(practice, by=by),
        _for_self(access_request, by=by),
        _own_access_stopped(access_request, by=by),
        changes.objection(access_request),
        _stale(access_request) or _changed(access_request),
    ]
    return [objection for objection in every if objection]


def is_own(access_request: AccessRequest, *, by: User) -> bool:
    """Return True if the request is to grant access to this person."""
    return access_request.kind == AccessKind.GRANT and access_request.person_id == by.pk


def is_only_registrant(user: User, *, practice: Practice) -> bool:
    """Return True if no other access manager could approve this user's grant."""
    if practice.institution_id:
        return False
    registrants = access_managers.registrants(practice, on=practice.today())
    return set(registrants.values_list("pk", flat=True)) == {user.pk}


def digest(access_request: AccessRequest) -> str:
    """Return the SHA-256 of the content that the two factors confirm."""
    return hashlib.sha256(rfc8785.dumps(content(access_request))).hexdigest()


def content(access_request: AccessRequest) -> dict:
    """Return what an approver confirms, as the request's page shows it."""
    practice, provider = access_request.practice, access_request.provider
    verification = access_request.verification
    return {
        "act": "approve_access",
        "format": 1,
        "id": str(access_request.public_id),
        "kind": str(access_request.kind),
        "practice": {"id": str(practice.public_id), "name": practice.name},
        "person": {
            "username": access_request.person.get_username(),
            "name": access_request.subject,
        },
        "provider": provider and {"id": str(provider.public_id), "npi": provider.npi},
        "reason": access_request.reason,
        "entered_by": access_request.entered_by.get_username(),
        "entered_at": seals.timestamp(access_request.entered_at),
        "verification": verification and _verification_content(verification),
    }


def message(access_request: AccessRequest) -> str:
    """Return the text that a phone shows of the request."""
    return f"{access_request}, {access_request.practice}"[:200]


def _verification_content(verification: Verification) -> dict:
    license_, until = verification.state_license, verification.registration_expires_on
    registered = {
        "state_registration": license_.registration_number,
        "state_registration_expires_on": until and until.isoformat(),
    }
    return {
        "by": verification.verified_by.get_username(),
        "at": seals.timestamp(verification.verified_at),
        "dea_number": verification.dea_registration.as_written,
        "dea_expires_on": verification.dea_expires_on.isoformat(),
        "dea_source": str(verification.dea_source),
        "state_license": str(verification.state_license),
        "license_expires_on": verification.license_expires_on.isoformat(),
        "state_source": str(verification.state_source),
        "note": verification.note,
        **(registered if license_.registration_number else {}),
    }


def _same_person(access_request: AccessRequest, *, by: User) -> AccessRefused | None:
    if access_request.entered_by_id != by.pk:
        return None
    return AccessRefused(
        "You entered this yourself. Another designee executes it.",
        reason=Reason.SAME_PERSON,
    )


def _requester_left(access_request: AccessRequest) -> AccessRefused | None:
    """21 CFR 1311.125(c): two access managers, and both of them still are."""
    requester = access_request.entered_by
    if access_managers.is_access_manager(requester, practice=access_request.practice):
        return None
    return AccessRefused(
        f"{requester}, who entered it, no longer sets access there. Decline "
        "it; somebody else enters it anew.",
        reason=Reason.ENTERED_BY_NOBODY,
    )


def _not_registrant(practice: Practice, *, by: User) -> AccessRefused | None:
    """21 CFR 1311.125(a), (c); at an institution any access manager (1311.130(b))."""
    account = IdmeAccount.objects.linked_to(by)
    if account is None or not account.is_identity_proofed:
        return AccessRefused(
            "Verify your identity with ID.me on eRx Info first.",
            reason=Reason.NOT_PROOFED,
        )
    if not Device.objects.visible_to(by).usable().exists():
        return AccessRefused(
            "Set up a device to confirm with on eRx Info first.",
            reason=Reason.NO_DEVICE,
        )
    if practice.institution_id:
        return None
    provider = Provider.objects.filter(user=by).first()
    if provider is None:
        return AccessRefused(
            "Only a designee who is a DEA registrant executes it.",
            reason=Reason.NO_REGISTRANT,
        )
    return _lapsed(provider, practice=practice, account=account)


def _lapsed(
    provider: Provider, *, practice: Practice, account: IdmeAccount
) -> AccessRefused | None:
    if authority.lapses(standing.of(provider, practice=practice)):
        return AccessRefused(
            f"Your own DEA registration and license for {practice.state} have to be "
            "current for that.",
            reason=Reason.NO_REGISTRANT,
        )
    if not identity.is_named_alike(provider, account):
        return AccessRefused(
            f"ID.me verified {account.first_name} {account.last_name}, and you are "
            f"registered here as {provider}.",
            reason=Reason.NOT_PROOFED,
        )
    return None


def _for_self(access_request: AccessRequest, *, by: User) -> AccessRefused | None:
    """Nobody gives themselves access, but for the first practitioner of a practice."""
    if not _is_for_self(access_request, by=by):
        return None
    practice = access_request.practice
    if is_own(access_request, by=by) and is_only_registrant(by, practice=practice):
        return None
    return AccessRefused("Nobody gives a right to themselves.", reason=Reason.SELF)


def _is_for_self(access_request: AccessRequest, *, by: User) -> bool:
    return access_request.kind in FOR_ANOTHER and access_request.person_id == by.pk


def _own_access_stopped(
    access_request: AccessRequest, *, by: User
) -> AccessRefused | None:
    """Nobody gives others what was taken from them."""
    if access_request.kind not in FOR_ANOTHER or access_request.person_id == by.pk:
        return None
    grants = AccessGrant.objects.at(access_request.practice).filter(provider__user=by)
    latest = grants.first()
    if latest and (latest.revoked_at or latest.suspensions.exists()):
        return AccessRefused(
            "Your own right to sign was suspended or ended, so you give nobody "
            "else one.",
            reason=Reason.SUSPENDED,
        )
    return None


def _stale(access_request: AccessRequest) -> AccessRefused | None:
    verification = access_request.verification
    if verification and timezone.now() - verification.verified_at > STALE_AFTER:
        return AccessRefused(
            "The DEA registration and the license were looked at more than "
            f"{STALE_AFTER.days} days ago. Enter it again.",
            reason=Reason.STALE,
        )
    return None


def _changed(access_request: AccessRequest) -> AccessRefused | None:
    if digest(access_request) == access_request.digest:
        return None
    return AccessRefused(
        "Something was changed since it was entered. Enter it again.",
        reason=Reason.CHANGED,
    )
