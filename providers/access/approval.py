"""Who may execute a change of access, and when (21 CFR 1311.120(b)(4), 1311.125(c)).

A second person, who is a designee and a DEA registrant with a verified identity. For
the own right to sign that is somebody else, with one exception, the first practitioner:
who is the only registrant among the designees executes what another one has entered.
"""

import hashlib
from datetime import timedelta

import rfc8785
from django.utils import timezone

from audit import seals
from mfa.models import Device, IdmeAccount
from providers import access_managers, authority, identity
from providers.access import changes
from providers.models import (
    AccessGrant,
    AccessKind,
    AccessRequest,
    Practice,
    Provider,
    Verification,
)
from providers.refusals import NotAllowed

STALE_AFTER = timedelta(days=30)  # what was seen of a practitioner's authority
FOR_ANOTHER = [AccessKind.GRANT, AccessKind.NAME]


def require(request: AccessRequest, *, by) -> None:
    """Raise NotAllowed unless this person may execute this request now."""
    for refusal in objections(request, by=by):
        raise refusal


def objections(request: AccessRequest, *, by) -> list[NotAllowed]:
    """Return everything that stands between this person and the execution."""
    practice = request.practice
    if not access_managers.is_access_manager(by, practice=practice):
        return [
            NotAllowed(
                f"Only those who set access at {practice} execute it.",
                code="not_designee",
            )
        ]
    found = [
        _second_person(request, by=by),
        _first_person(request),
        _registrant(practice, by=by),
        *(_self(request, by=by)),
        changes.objection(request),
        _unchanged(request),
    ]
    return [refusal for refusal in found if refusal]


def is_own(request: AccessRequest, *, by) -> bool:
    """Say whether the only registrant there executes the own grant."""
    return request.kind == AccessKind.GRANT and request.person_id == by.pk


def is_only_registrant(user, *, practice: Practice) -> bool:
    """Say whether nobody else among the designees could execute for this one."""
    if practice.institution_id:
        return False
    found = access_managers.registrants(practice, on=practice.today())
    return set(found.values_list("pk", flat=True)) == {user.pk}


def digest(request: AccessRequest) -> str:
    """Return the SHA-256 of the content, as the request's page shows it."""
    return hashlib.sha256(rfc8785.dumps(content(request))).hexdigest()


def content(request: AccessRequest) -> dict:
    return {
        "act": "approve_access",
        "format": 1,
        "id": str(request.public_id),
        "kind": str(request.kind),
        "practice": {
            "id": str(request.practice.public_id),
            "name": request.practice.name,
        },
        "person": {
            "username": request.person.get_username(),
            "name": request.subject,
        },
        "provider": request.provider
        and {"id": str(request.provider.public_id), "npi": request.provider.npi},
        "reason": request.reason,
        "entered_by": request.entered_by.get_username(),
        "entered_at": seals.written(request.entered_at),
        "verification": request.verification and _verified(request.verification),
    }


def message(request: AccessRequest) -> str:
    """Return what a phone shows of it."""
    return f"{request}, {request.practice}"[:200]


def _second_person(request: AccessRequest, *, by) -> NotAllowed | None:
    if request.entered_by_id != by.pk:
        return None
    return NotAllowed(
        "You entered this yourself. Another designee executes it.", code="same_person"
    )


def _first_person(request: AccessRequest) -> NotAllowed | None:
    """21 CFR 1311.125(c): two designees, both of them still."""
    if access_managers.is_access_manager(request.entered_by, practice=request.practice):
        return None
    return NotAllowed(
        f"{request.entered_by}, who entered it, no longer sets access there. Decline "
        "it; somebody else enters it anew.",
        code="entered_by_nobody",
    )


def _registrant(practice: Practice, *, by) -> NotAllowed | None:
    """21 CFR 1311.125(a), (c); at an institution anybody designated (1311.130(b))."""
    account = IdmeAccount.objects.linked_to(by)
    if account is None or not account.is_identity_proofed:
        return NotAllowed(
            "Verify your identity with ID.me on eRx Info first.", code="not_proofed"
        )
    if not Device.objects.visible_to(by).usable().exists():
        return NotAllowed(
            "Set up a device to confirm with on eRx Info first.", code="no_device"
        )
    if practice.institution_id:
        return None
    provider = Provider.objects.filter(user=by).first()
    if provider is None:
        return NotAllowed(
            "Only a designee who is a DEA registrant executes it.", code="no_registrant"
        )
    return _current(provider, practice=practice, account=account)


def _current(
    provider: Provider, *, practice: Practice, account: IdmeAccount
) -> NotAllowed | None:
    today = practice.today()
    if authority.lapses(provider, practice=practice, on=today):
        return NotAllowed(
            f"Your own DEA registration and license for {practice.state} have to be "
            "current for that.",
            code="no_registrant",
        )
    if not identity.is_named_alike(provider, account):
        return NotAllowed(
            f"ID.me verified {account.first_name} {account.last_name}, and you are "
            f"registered here as {provider}.",
            code="not_proofed",
        )
    return None


def _self(request: AccessRequest, *, by) -> list[NotAllowed]:
    """Nobody gives themselves a right, and who may not sign gives nobody one."""
    practice = request.practice
    if request.kind not in FOR_ANOTHER:
        return []
    if request.person_id == by.pk:
        if is_own(request, by=by) and is_only_registrant(by, practice=practice):
            return []
        return [NotAllowed("Nobody gives a right to themselves.", code="self")]
    given = AccessGrant.objects.at(practice).filter(provider__user=by).first()
    if given and (given.revoked_at or given.suspensions.exists()):
        return [
            NotAllowed(
                "Your own right to sign was suspended or ended, so you give nobody "
                "else one.",
                code="suspended",
            )
        ]
    return []


def _unchanged(request: AccessRequest) -> NotAllowed | None:
    """What was seen is of these days, and everything is as it was entered."""
    if request.verification:
        age = timezone.now() - request.verification.verified_at
        if age > STALE_AFTER:
            return NotAllowed(
                "The DEA registration and the license were looked at more than "
                f"{STALE_AFTER.days} days ago. Enter it again.",
                code="stale",
            )
    if digest(request) != request.digest:
        return NotAllowed(
            "Something was changed since it was entered. Enter it again.",
            code="changed",
        )
    return None


def _verified(verification: Verification) -> dict:
    license_, until = verification.state_license, verification.registration_expires_on
    registered = {
        "state_registration": license_.registration_number,
        "state_registration_expires_on": until and until.isoformat(),
    }
    return {
        "by": verification.verified_by.get_username(),
        "at": seals.written(verification.verified_at),
        "dea_number": verification.dea_registration.as_written,
        "dea_expires_on": verification.dea_expires_on.isoformat(),
        "dea_source": str(verification.dea_source),
        "state_license": str(verification.state_license),
        "license_expires_on": verification.license_expires_on.isoformat(),
        "state_source": str(verification.state_source),
        "note": verification.note,
        **(registered if license_.registration_number else {}),
    }
