"""What becomes of a pharmacy's request: a denial, or a new prescription signed anew.

A renewal or change of a controlled substance is a new signing event: the practitioner
reviews, marks and signs a prescription of its own (21 CFR 1311.140), and Schedule II
is not refilled at all (21 CFR 1306.12(a)). The request itself is then denied, so that
the same is not ordered twice.
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
from prescriptions.writing import drafts
from prescriptions.writing.drafts import NotAllowed

ELECTRONIC = "A new prescription follows."
ON_PAPER = "A prescription on paper follows."
ALREADY_HANDLED = "Somebody else has dealt with this request meanwhile."
# What belongs to one prescription only and is decided anew for the next.
NOT_CARRIED_OVER = {"earliest_fill_on": None, "emergency_oral_on": None}
UNDECIDED = {"draft": None, "decided_by": None, "decided_at": None}


def deny(request: PharmacyRequest, *, by: User, reason: str) -> None:
    """Tell the pharmacy no, and why."""
    drafts.require_writer(request.prescription, by=by)
    now = timezone.now()
    with transaction.atomic(durable=True):
        _advance(
            request,
            RequestState.OPEN,
            state=RequestState.DENIED,
            decided_by=by,
            decided_at=now,
            reason=reason,
        )
        _answer(request, reason=reason)
        chain.record(Act.PHARMACY_REQUEST_DENIED, by=by, of=request)


def write(request: PharmacyRequest, *, by: User) -> Prescription:
    """Begin the prescription that answers a request; it is an ordinary draft."""
    original = request.prescription
    values = {name: getattr(original, name) for name in Prescription.CONTENT}
    draft = Prescription(
        practice=original.practice,
        patient=original.patient,
        **values | NOT_CARRIED_OVER,
    )
    drafts.require_writer(draft, by=by)
    with transaction.atomic(durable=True):
        drafts.add(draft, by=by)
        _advance(
            request,
            RequestState.OPEN,
            state=RequestState.WRITING,
            draft=draft,
            decided_by=by,
            decided_at=timezone.now(),
        )
        chain.record(Act.PHARMACY_REQUEST_TAKEN_UP, by=by, of=request)
    return draft


def close_finished() -> int:
    """Answer what was signed meanwhile and reopen what was given up; return how many."""
    waiting = PharmacyRequest.objects.filter(state=RequestState.WRITING).exclude(
        draft__status__in=[Status.DRAFT, Status.READY]
    )
    return sum(_close(request) for request in waiting.select_related("draft"))


def _close(request: PharmacyRequest) -> bool:
    draft = request.draft
    if draft is None:
        return False
    try:
        with transaction.atomic(durable=True):
            if draft.status == Status.DISCARDED:
                _reopen(request)
            else:
                _answer_with(request, draft)
    except NotAllowed:  # another worker was faster
        return False
    return True


def _answer_with(request: PharmacyRequest, draft: Prescription) -> None:
    _advance(request, RequestState.WRITING, state=RequestState.ANSWERED)
    original = Prescription.objects.select_for_update(no_key=True).get(
        pk=request.prescription_id
    )
    if (
        request.kind == RequestKind.CHANGE
        and original.status in cancellation.CANCELLABLE
    ):
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


def _advance(request: PharmacyRequest, before: RequestState, **values: object) -> None:
    """Move a request on, once; raise NotAllowed when somebody else was faster."""
    row = PharmacyRequest.objects.filter(pk=request.pk, state=before)
    if not row.update(**values):
        raise NotAllowed(ALREADY_HANDLED)


def _answer(request: PharmacyRequest, *, reason: str) -> None:
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
