"""Taking back what was signed: 21 CFR 1311.120(b)(19).

What has not left is never sent. What may have reached the pharmacy is followed by a
CancelRx, and whether the pharmacy still could stop it is shown as it answers.
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
from prescriptions.writing import drafts
from prescriptions.writing.drafts import NotAllowed

CANCELLABLE = [Status.SIGNED, Status.QUEUED, Status.TRANSMITTED, Status.DELIVERED]
IN_OUTBOX = [TransmissionState.WAITING, TransmissionState.SENDING]


def cancel(prescription: Prescription, *, by: User, reason: str) -> Cancellation:
    """Take a signed prescription back, as its practitioner or an agent for them.

    No factor is asked for: it orders nothing, and waiting for one could do harm.
    """
    drafts.require_writer(prescription, by=by)
    with transaction.atomic(durable=True):
        return cancel_locked(_signed(prescription, by=by), by=by, reason=reason)


def replace(prescription: Prescription, *, by: User, reason: str) -> Prescription:
    """Cancel what was signed and begin it anew: a changed one is another prescription."""
    drafts.require_writer(prescription, by=by)
    with transaction.atomic(durable=True):
        locked = _signed(prescription, by=by)
        cancel_locked(locked, by=by, reason=reason)
        return drafts.add(drafts.unsaved_copy(locked), by=by)


def cancel_locked(
    locked: Prescription, *, by: User | None, reason: str
) -> Cancellation:
    """Cancel a row that the caller holds and may cancel, in the caller's transaction."""
    now = timezone.now()
    message = (
        Transmission.objects.select_for_update(no_key=True)
        .filter(prescription=locked)
        .first()
    )
    cancellation = Cancellation.objects.create(
        prescription=locked, cancelled_by=by, cancelled_at=now, reason=reason
    )
    locked.status, locked.updated_at = Status.CANCELLED, now
    locked.save(update_fields=["status", "updated_at"])
    was_sent = message is not None and message.attempts > 0
    if message and message.state in IN_OUTBOX:
        Transmission.objects.filter(pk=message.pk).update(
            state=TransmissionState.WITHDRAWN, leased_until=None
        )
    if message and was_sent:
        _tell_the_pharmacy(cancellation, message)
    chain.record(
        Act.PRESCRIPTION_CANCELLED,
        by=by,
        of=locked,
        stream=user_stream(locked.prescriber.user) if by is None else None,
        status="sent before" if was_sent else "never sent",
    )
    return cancellation


def record_response(
    cancellation: Cancellation, *, is_approved: bool, note: str
) -> None:
    """Keep what the pharmacy answered, once, in the caller's transaction."""
    unanswered = Cancellation.objects.filter(pk=cancellation.pk, is_approved=None)
    now = timezone.now()
    if not unanswered.update(
        is_approved=is_approved, answer=note[:200], answered_at=now
    ):
        return
    settled = Transmission.objects.filter(
        cancellation=cancellation, state__in=[*IN_OUTBOX, TransmissionState.TRANSMITTED]
    )
    settled.update(
        state=TransmissionState.DELIVERED, leased_until=None, answered_at=now
    )
    prescription = cancellation.prescription
    chain.record(
        Act.PRESCRIPTION_CANCELLATION_ANSWERED,
        by=None,
        of=prescription,
        stream=user_stream(prescription.prescriber.user),
        outcome=Outcome.SUCCESS if is_approved else Outcome.FAILURE,
    )
    if not is_approved:
        outcomes.notify_prescriber(
            prescription,
            subject="A pharmacy did not take a prescription back",
            template="prescriptions/mail/not_taken_back.txt",
        )


def _signed(prescription: Prescription, *, by: User) -> Prescription:
    locked = drafts.lock(prescription, by=by)
    if locked.status in CANCELLABLE:
        return locked
    raise NotAllowed(
        "Only what was signed and is not printed, failed or cancelled yet can be "
        "cancelled."
    )


def _tell_the_pharmacy(cancellation: Cancellation, message: Transmission) -> None:
    """Put the CancelRx behind an attempt that may still be under way."""
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
