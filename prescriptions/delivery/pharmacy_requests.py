"""Decisions about a pharmacy's request: deny it, or write a new prescription.

A renewal or change of a controlled substance is a new signing event: the practitioner
reviews, marks and signs a prescription of its own (21 CFR 1311.140), and Schedule II
is not refilled at all (21 CFR 1306.12(a)). The request itself is then denied, so that
the same drug is not ordered twice.
"""

import uuid

from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from audit.models import user_stream
from foundation.actors import User
from prescriptions import script
from prescriptions.delivery import cancellation, outbox
from prescriptions.models import (
    PharmacyRequest,
    Prescription,
    RequestKind,
    RequestState,
    Status,
    Transmission,
)
from prescriptions.permissions import Permission
from prescriptions.writing import drafts
from prescriptions.writing.drafts import WritingRefused

ELECTRONIC = "A new prescription follows."
ON_PAPER = "A prescription on paper follows."
ALREADY_HANDLED = "Somebody else has dealt with this request meanwhile."
# Decided again for each prescription.
NOT_CARRIED_OVER = {"earliest_fill_on": None, "emergency_oral_on": None}
UNDECIDED = {"draft": None, "decided_by": None, "decided_at": None}


def deny(request: PharmacyRequest, *, by: User, reason: str) -> None:
    """Deny a request and tell the pharmacy why; raise WritingRefused."""
    drafts.require(Permission.ANSWER_PHARMACY, request.prescription, by=by)
    with transaction.atomic(durable=True):
        _decide(request, by=by, state=RequestState.DENIED, reason=reason)
        _answer(request, reason=reason)
        chain.record(Act.PHARMACY_REQUEST_DENIED, by=by, of=request)


def write(request: PharmacyRequest, *, by: User) -> Prescription:
    """Return a draft of the prescription that answers a request; raise WritingRefused."""
    original = request.prescription
    values = {name: getattr(original, name) for name in Prescription.CONTENT}
    draft = Prescription(
        practice=original.practice,
        patient=original.patient,
        **values | NOT_CARRIED_OVER,
    )
    drafts.require(Permission.ANSWER_PHARMACY, draft, by=by)
    with transaction.atomic(durable=True):
        drafts.add(draft, by=by)
        _decide(request, by=by, state=RequestState.WRITING, draft=draft)
        chain.record(Act.PHARMACY_REQUEST_TAKEN_UP, by=by, of=request)
    return draft


def close_finished() -> int:
    """Answer requests with a signed draft, reopen discarded ones; return how many."""
    finished = PharmacyRequest.objects.filter(state=RequestState.WRITING).exclude(
        draft__status__in=[Status.DRAFT, Status.READY]
    )
    return sum(_close(request) for request in finished.select_related("draft"))


def _close(request: PharmacyRequest) -> bool:
    draft = request.draft
    if draft is None:
        return False
    try:
        with transaction.atomic(durable=True):
            if draft.status == Status.DISCARDED:
                _reopen(request)
            else:
                _answer_after_signing(request, draft)
    except WritingRefused:  # another worker was faster
        return False
    return True


def _answer_after_signing(request: PharmacyRequest, draft: Prescription) -> None:
    _advance(request, RequestState.WRITING, state=RequestState.ANSWERED)
    original = Prescription.objects.select_for_update(no_key=True).get(
        pk=request.prescription_id
    )
    is_change = request.kind == RequestKind.CHANGE
    if is_change and original.status in cancellation.CANCELLABLE:
        cancellation.cancel_locked(
            original,
            by=request.decided_by,
            reason="Replaced on the pharmacy’s request.",
        )
    _answer(request, reason=ELECTRONIC if draft.signed_at else ON_PAPER)
    _record(Act.PHARMACY_REQUEST_ANSWERED, request)


def _reopen(request: PharmacyRequest) -> None:
    _advance(request, RequestState.WRITING, state=RequestState.OPEN, **UNDECIDED)
    _record(Act.PHARMACY_REQUEST_REOPENED, request)


def _decide(request: PharmacyRequest, *, by: User, **values: object) -> None:
    _advance(
        request,
        RequestState.OPEN,
        decided_by=by,
        decided_at=timezone.now(),
        **values,
    )


def _advance(request: PharmacyRequest, before: RequestState, **values: object) -> None:
    """Change the state of a request once; raise WritingRefused if somebody else did."""
    row = PharmacyRequest.objects.filter(pk=request.pk, state=before)
    if not row.update(**values):
        raise WritingRefused(ALREADY_HANDLED)


def _answer(request: PharmacyRequest, *, reason: str) -> None:
    """Queue the response to a request: always a denial, with what happens instead."""
    original = request.prescription
    now, message_id = timezone.now(), uuid.uuid4().hex
    version = original.transmission.version
    xml = script.denial(
        original.signed_record.payload.encode(),
        kind=request.response_kind,
        about=request.message.message_id,
        reason=reason,
        message_id=message_id,
        sent_at=now,
        version=version,
    )
    response = Transmission(
        request=request, message_id=message_id, xml=xml, version=version
    )
    outbox.add(response, now=now)


def _record(act: Act, request: PharmacyRequest) -> None:
    stream = user_stream(request.prescription.prescriber.user)
    chain.record(act, by=None, of=request, stream=stream)
