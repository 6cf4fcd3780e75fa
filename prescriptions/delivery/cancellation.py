"""Cancellation of what was signed: 21 CFR 1311.120(b)(19).

What has not left is never sent. What may have reached the pharmacy is followed by a
CancelRx, and the pharmacy's response says whether it could still stop it.
"""

import uuid

from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.models import user_stream
from foundation.actors import User
from prescriptions import script
from prescriptions.delivery import outbox, outcomes
from prescriptions.models import (
    Cancellation,
    Prescription,
    Status,
    Transmission,
    TransmissionState,
)
from prescriptions.permissions import Permission
from prescriptions.writing import drafts
from prescriptions.writing.drafts import WritingRefused

CANCELLABLE = [Status.SIGNED, Status.QUEUED, Status.TRANSMITTED, Status.DELIVERED]
IN_OUTBOX = [TransmissionState.WAITING, TransmissionState.SENDING]


def cancel(prescription: Prescription, *, by: User, reason: str) -> Cancellation:
    """Cancel a signed prescription, as its practitioner or their agent.

    No factor is asked for: a cancellation orders nothing, and a delay could do harm.
    Raise WritingRefused.
    """
    drafts.require(Permission.CANCEL, prescription, by=by)
    with transaction.atomic(durable=True):
        locked = _lock_cancellable(prescription, by=by)
        return cancel_locked(locked, by=by, reason=reason)


def replace(prescription: Prescription, *, by: User, reason: str) -> Prescription:
    """Cancel a signed prescription and return a draft of the one that replaces it."""
    drafts.require(Permission.CANCEL, prescription, by=by)
    with transaction.atomic(durable=True):
        locked = _lock_cancellable(prescription, by=by)
        cancel_locked(locked, by=by, reason=reason)
        return drafts.add(drafts.unsaved_copy(locked), by=by)


def cancel_locked(
    locked: Prescription, *, by: User | None, reason: str
) -> Cancellation:
    """Cancel a row that the caller holds and may cancel, in the caller's transaction."""
    now = timezone.now()
    message = _locked_message(locked)
    cancellation = Cancellation.objects.create(
        prescription=locked, cancelled_by=by, cancelled_at=now, reason=reason
    )
    locked.status, locked.updated_at = Status.CANCELLED, now
    locked.save(update_fields=["status", "updated_at"])
    if message:
        _withdraw(message, cancellation)
    was_sent = message is not None and message.attempts > 0
    _record(locked, by=by, was_sent=was_sent)
    return cancellation


def record_response(
    cancellation: Cancellation, *, is_approved: bool, note: str
) -> None:
    """Record a response to a CancelRx, once, in the caller's transaction."""
    unanswered = Cancellation.objects.filter(pk=cancellation.pk, is_approved=None)
    now = timezone.now()
    if not unanswered.update(
        is_approved=is_approved, answer=note[:200], answered_at=now
    ):
        return
    Transmission.objects.filter(
        cancellation=cancellation, state__in=[*IN_OUTBOX, TransmissionState.TRANSMITTED]
    ).update(state=TransmissionState.DELIVERED, leased_until=None, answered_at=now)
    prescription = cancellation.prescription
    chain.record(
        Act.PRESCRIPTION_CANCELLATION_ANSWERED,
        by=None,
        of=prescription,
        stream=user_stream(prescription.prescriber.user),
        outcome=Outcome.SUCCESS if is_approved else Outcome.FAILURE,
    )
    if not is_approved:
        _notify_of_denial(prescription)


def _notify_of_denial(prescription: Prescription) -> None:
    outcomes.notify_prescriber(
        prescription,
        subject="A pharmacy did not take a prescription back",
        template="prescriptions/mail/not_taken_back.txt",
    )


def _lock_cancellable(prescription: Prescription, *, by: User) -> Prescription:
    locked = drafts.lock(prescription, by=by)
    if locked.status in CANCELLABLE:
        return locked
    raise WritingRefused(
        "Only what was signed and is not printed, failed or cancelled yet can be "
        "cancelled."
    )


def _locked_message(prescription: Prescription) -> Transmission | None:
    messages = Transmission.objects.select_for_update(no_key=True)
    return messages.filter(prescription=prescription).first()


def _withdraw(message: Transmission, cancellation: Cancellation) -> None:
    """Take a message out of the outbox; a CancelRx follows what may have left."""
    if message.state in IN_OUTBOX:
        Transmission.objects.filter(pk=message.pk).update(
            state=TransmissionState.WITHDRAWN, leased_until=None
        )
    if message.attempts > 0:
        _send_cancel_rx(cancellation, message)


def _record(prescription: Prescription, *, by: User | None, was_sent: bool) -> None:
    chain.record(
        Act.PRESCRIPTION_CANCELLED,
        by=by,
        of=prescription,
        stream=user_stream(prescription.prescriber.user) if by is None else None,
        status="sent before" if was_sent else "never sent",
    )


def _send_cancel_rx(cancellation: Cancellation, message: Transmission) -> None:
    """Queue a CancelRx behind an attempt that may still be under way."""
    now, message_id = cancellation.cancelled_at, uuid.uuid4().hex
    record = cancellation.prescription.signed_record
    xml = script.cancel_rx(
        record.payload.encode(),
        message_id=message_id,
        sent_at=now,
        version=message.version,
    )
    cancel = Transmission(
        cancellation=cancellation,
        message_id=message_id,
        xml=xml,
        version=message.version,
    )
    outbox.add(cancel, now=now, after=message.leased_until)
