"""Changes of who may sign: one designee enters them, another one executes them.

21 CFR 1311.120(b)(4)-(5), 1311.125(b)-(c), 1311.130(b). Whoever executes is a DEA
registrant (except at an institution) and shows both factors for exactly this change.
"""

from dataclasses import dataclass
from datetime import date

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from mfa import challenges
from mfa.models import Challenge, Purpose
from providers import access_managers
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
from providers.refusals import NotAllowed, on_record

ENDS = [AccessKind.REVOKE, AccessKind.DISMISS]


@dataclass(frozen=True)
class LookUp:
    """What a designee saw of a practitioner's authority, and where (1311.125(b))."""

    dea_registration: DeaRegistration
    dea_expires_on: date
    dea_source: str
    state_license: StateLicense
    license_expires_on: date
    state_source: str
    registration_expires_on: date | None = None  # the State's own, if it has one
    note: str = ""


def request_grant(
    provider: Provider, *, practice: Practice, by, look_up: LookUp
) -> AccessRequest:
    """Enter that a provider may sign, with what was seen of their authority."""
    verification = Verification(
        provider=provider,
        verified_by=by,
        verified_at=timezone.now(),
        **{field: getattr(look_up, field) for field in LookUp.__dataclass_fields__},
    )
    entered = _request(AccessKind.GRANT, practice, by=by, provider=provider)
    entered.verification = verification
    return _enter(entered, by=by)


def request_revocation(
    provider: Provider, *, practice: Practice, by, reason: str
) -> AccessRequest:
    """Enter that a provider may no longer sign there; signing stops at once."""
    entered = _request(AccessKind.REVOKE, practice, by=by, provider=provider)
    entered.reason = reason.strip()
    return _enter(entered, by=by)


def request_designation(person, *, practice: Practice, by) -> AccessRequest:
    """Enter that somebody sets the access controls of the practice, too."""
    return _enter(_request(AccessKind.NAME, practice, by=by, person=person), by=by)


def request_dismissal(
    person, *, practice: Practice, by, reason: str = ""
) -> AccessRequest:
    """Enter that somebody no longer sets the access controls of the practice."""
    entered = _request(AccessKind.DISMISS, practice, by=by, person=person)
    entered.reason = reason.strip()
    return _enter(entered, by=by)


def approve(
    request: AccessRequest, *, by, challenge: Challenge, session_key: str
) -> AccessRequest:
    """Carry out what another designee entered; raise NotAllowed or NotProven."""
    with on_record(request, by=by), transaction.atomic(durable=True):
        locked = _locked(request)
        approval.require(locked, by=by)
        challenges.consume(
            challenge,
            user=by,
            purpose=Purpose.APPROVE_ACCESS,
            payload_digest=locked.digest,
            session_key=session_key,
        )
        locked.challenge = challenge
        locked.is_own = approval.is_own(locked, by=by)
        _close(locked, AccessState.EXECUTED, by=by)
        chain.record(
            Act.ACCESS_EXECUTED,
            by=by,
            of=locked,
            kind=locked.kind,
            own=locked.is_own,
            challenge=str(challenge.public_id),
        )
        changes.make(locked, by=by)
        notices.executed(locked)
    return locked


def record_refusal(request: AccessRequest, refusals: list[NotAllowed], *, by) -> None:
    """Put on record an attempt that the page turned away before the two factors."""
    chain.record(
        Act.ACCESS_REFUSED,
        by=by,
        of=request,
        outcome=Outcome.FAILURE,
        reason=refusals[0].code if refusals else "closed",
    )


def decline(request: AccessRequest, *, by, reason: str) -> None:
    """Close a request as the second person, without anything changed."""
    with on_record(request, by=by), transaction.atomic(durable=True):
        locked = _locked(request)
        _require_designee(locked.practice, by=by)
        if locked.person_id == by.pk and locked.kind in ENDS:
            raise NotAllowed(
                "This ends something of yours. Another designee decides it.",
                code="about_self",
            )
        if not reason.strip():
            raise NotAllowed("Say why it is declined.", code="no_reason")
        locked.closing_note = reason.strip()
        _close(locked, AccessState.REFUSED, by=by)
        chain.record(Act.ACCESS_DECLINED, by=by, of=locked, kind=locked.kind)


def withdraw(request: AccessRequest, *, by) -> None:
    """Take back what one has entered oneself."""
    with on_record(request, by=by), transaction.atomic(durable=True):
        locked = _locked(request)
        if locked.entered_by_id != by.pk:
            raise NotAllowed(
                "Only who entered it takes it back. Decline it instead.",
                code="not_entered_by",
            )
        _close(locked, AccessState.WITHDRAWN, by=by)
        chain.record(Act.ACCESS_WITHDRAWN, by=by, of=locked, kind=locked.kind)


def give_up(provider: Provider, *, by, reason: str) -> None:
    """End one's own right to sign at once, everywhere; nobody else's."""
    with on_record(provider, by=by), transaction.atomic(durable=True):
        if provider.user_id != by.pk:
            raise NotAllowed(
                "Only its holder gives up a right to sign. Two designees end another's.",
                code="not_holder",
            )
        if not reason.strip():
            raise NotAllowed("Say why the right to sign ends.", code="no_reason")
        ended = AccessGrant.objects.current().filter(provider=provider)
        if not ended.update(
            revoked_by=by, revoked_at=timezone.now(), reason=reason.strip()
        ):
            raise NotAllowed(f"{provider} has no right to sign.", code="no_grant")
        chain.record(Act.ACCESS_REVOKED, by=by, of=provider, reason=reason.strip())


def _request(
    kind: AccessKind, practice: Practice, *, by, provider=None, person=None
) -> AccessRequest:
    return AccessRequest(
        kind=kind,
        practice=practice,
        provider=provider,
        person=provider.user if provider else person,
        entered_by=by,
        entered_at=timezone.now(),
    )


def _enter(entered: AccessRequest, *, by) -> AccessRequest:
    about = entered.provider or entered.practice
    try:
        with on_record(about, by=by), transaction.atomic(durable=True):
            _require_designee(entered.practice, by=by)
            changes.require_sensible(entered)
            if entered.verification:
                entered.verification.save()
            entered.digest = approval.digest(entered)
            entered.save(force_insert=True)
            chain.record(Act.ACCESS_ENTERED, by=by, of=entered, kind=entered.kind)
            notices.entered(entered)
            if entered.kind == AccessKind.REVOKE:
                changes.stop(entered, by=by)
    except IntegrityError:
        raise NotAllowed(
            f"Something about {entered.subject} waits for a second person already. "
            "Let that be executed, declined or taken back first.",
            code="open_already",
        ) from None
    return entered


def _locked(request: AccessRequest) -> AccessRequest:
    """Return the request as it is now, held; raise NotAllowed when it is closed.

    With its practice, so that no two who close something there end each other.
    """
    locked = (
        AccessRequest.objects.select_for_update(of=["self", "practice"], no_key=True)
        .select_related("practice", "person", "provider", "entered_by", "closed_by")
        .get(pk=request.pk)
    )
    if not locked.is_open:
        raise NotAllowed(
            f"{locked.closed_by} closed this request already: "
            f"{locked.get_state_display().lower()}.",
            code="closed",
        )
    return locked


def _close(request: AccessRequest, state: AccessState, *, by) -> None:
    request.state, request.closed_by = state, by
    request.closed_at = timezone.now()
    request.save()


def _require_designee(practice: Practice, *, by) -> None:
    if not access_managers.is_access_manager(by, practice=practice):
        raise NotAllowed(
            f"Only those who set access at {practice} do that.", code="not_designee"
        )
