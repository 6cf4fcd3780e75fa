"""What a delivery result means for a message of the outbox and its prescription.

Every function runs in the caller's transaction, which holds the prescription's row.
"""

from datetime import timedelta
from typing import Unpack

from django.conf import settings
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.catalog import Detail
from audit.models import Event, user_stream
from audit.reasons import Words
from foundation import notices
from prescriptions import script
from prescriptions.models import (
    Prescription,
    Status,
    Transmission,
    TransmissionState,
)

GIVEN_UP = [Status.FAILED, Status.PRINTED]
ACCEPTED = [script.Outcome.ACCEPTED, script.Outcome.PASSED_ON]
RETRY_DELAYS = [5, 15, 60, 300, 900]  # seconds; the last one repeats


def apply(message: Transmission, result: script.DeliveryResult) -> None:
    """Apply the result of an attempt, or of a message that the pharmacy sent later."""
    {
        script.Outcome.ACCEPTED: _deliver,
        script.Outcome.PASSED_ON: _pass_on,
        script.Outcome.REJECTED: _reject,
        script.Outcome.TRY_AGAIN: _postpone,
    }[result.outcome](message, result)


def is_awaited(message: Transmission) -> bool:
    """Return True if a result still matters; it does not for a canceled prescription."""
    if message.prescription is None:
        return True
    return message.prescription.status in (Status.QUEUED, Status.TRANSMITTED)


def report_late_acceptance(
    message: Transmission, result: script.DeliveryResult
) -> bool:
    """Tell the practitioner if a pharmacy accepted what the portal had given up.

    It may have been written or printed again since; only people can find out which of
    the two the patient gets (21 CFR 1311.170(b)). Return True if this was such a result.
    """
    prescription = message.prescription
    if prescription is None or prescription.status not in GIVEN_UP:
        return False
    if result.outcome not in ACCEPTED:
        return False
    record(
        Act.PRESCRIPTION_ACCEPTED_LATE,
        message,
        outcome=Outcome.FAILURE,
        code=result.code,
    )
    _notify_of_late_acceptance(prescription)
    return True


def was_accepted_late(prescription: Prescription) -> bool:
    """Return True if a pharmacy has a prescription that the portal had given up."""
    return (
        prescription.status in GIVEN_UP
        and Event.objects.about(prescription)
        .filter(act=Act.PRESCRIPTION_ACCEPTED_LATE)
        .exists()
    )


def notify_prescriber(
    prescription: Prescription, *, subject: str, template: str
) -> None:
    """Mail the practitioner where to look; no mail names a patient or a drug."""
    notices.send(
        prescription.prescriber.user,
        subject=subject,
        template=template,
        pharmacy=prescription.pharmacy,
        address=settings.PORTAL_ORIGIN + prescription.get_absolute_url(),
    )


def record(
    act: Act,
    message: Transmission,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    **detail: Unpack[Detail],
) -> None:
    """Record an event without an actor in the stream of the practitioner."""
    prescription = message.about
    detail["message_id"] = message.message_id
    chain.record(
        act,
        by=None,
        of=prescription,
        stream=user_stream(prescription.prescriber.user),
        outcome=outcome,
        **detail,
    )


def _notify_of_late_acceptance(prescription: Prescription) -> None:
    notify_prescriber(
        prescription,
        subject="A pharmacy has what was given up as not delivered",
        template="prescriptions/mail/accepted_late.txt",
    )


def _deliver(message: Transmission, result: script.DeliveryResult) -> None:
    prescription = message.prescription
    if prescription is None:
        _hand_over(message, result)
        return
    _close_attempt(message, result, state=TransmissionState.DELIVERED)
    was_transmitted = prescription.status == Status.TRANSMITTED
    if not was_transmitted:
        _set_status(prescription, Status.TRANSMITTED)
    _set_status(prescription, Status.DELIVERED)
    if not was_transmitted:
        record(Act.PRESCRIPTION_TRANSMITTED, message, code=result.code)
    record(Act.PRESCRIPTION_DELIVERED, message, code=result.code)


def _pass_on(message: Transmission, result: script.DeliveryResult) -> None:
    if message.prescription is None:
        _hand_over(message, result)
        return
    _close_attempt(message, result, state=TransmissionState.TRANSMITTED)
    if message.prescription.status != Status.TRANSMITTED:
        _set_status(message.prescription, Status.TRANSMITTED)
        record(Act.PRESCRIPTION_TRANSMITTED, message, code=result.code)


def _hand_over(message: Transmission, result: script.DeliveryResult) -> None:
    """Note that a CancelRx or a response arrived; the pharmacy decides later."""
    _close_attempt(message, result, state=TransmissionState.TRANSMITTED)
    record(Act.MESSAGE_SENT, message, code=result.code, kind=message.kind)


def _reject(message: Transmission, result: script.DeliveryResult) -> None:
    _fail(message, result, reason=_summary(result))


def _postpone(message: Transmission, result: script.DeliveryResult) -> None:
    """Schedule the next attempt, or fail the message once its day is over."""
    now = timezone.now()
    attempt = min(message.attempts, len(RETRY_DELAYS))
    delay = timedelta(seconds=RETRY_DELAYS[attempt - 1])
    if now + delay > message.gives_up_at:
        reason = f"No pharmacy could be reached for a day. {_summary(result)}"
        _fail(message, result, reason=reason)
        return
    _update(
        message,
        state=TransmissionState.WAITING,
        next_attempt_at=now + delay,
        last_problem=_summary(result),
    )
    _record_failure(Act.TRANSMISSION_FAILED, message, result, reason=_summary(result))


def _fail(message: Transmission, result: script.DeliveryResult, *, reason: str) -> None:
    """Give the message up, and the prescription with it if this is its NewRx."""
    _update(
        message,
        state=TransmissionState.FAILED,
        answered_at=timezone.now(),
        answer=_summary(result),
        last_problem=reason[:200],
    )
    if message.prescription is None:
        _record_failure(Act.MESSAGE_FAILED, message, result, reason=reason)
        return
    _set_status(message.prescription, Status.FAILED, failure_reason=reason[:200])
    _notify_of_failure(message.prescription)
    _record_failure(Act.PRESCRIPTION_FAILED, message, result, reason=reason)


def _notify_of_failure(prescription: Prescription) -> None:
    notify_prescriber(
        prescription,
        subject="A prescription was not delivered",
        template="prescriptions/mail/not_delivered.txt",
    )


def _record_failure(
    act: Act, message: Transmission, result: script.DeliveryResult, *, reason: str
) -> None:
    record(
        act,
        message,
        outcome=Outcome.FAILURE,
        code=result.code,
        reason=Words(reason),
        attempts=message.attempts,
    )


def _close_attempt(
    message: Transmission, result: script.DeliveryResult, *, state: TransmissionState
) -> None:
    _update(
        message,
        state=state,
        answered_at=timezone.now(),
        answer=_summary(result),
        last_problem="",
    )


def _set_status(prescription: Prescription, status: Status, **values: object) -> None:
    row = Prescription.objects.filter(pk=prescription.pk)
    row.update(status=status, updated_at=timezone.now(), **values)


def _update(message: Transmission, **values: object) -> None:
    """Write the outcome of an attempt and release the lease."""
    Transmission.objects.filter(pk=message.pk).update(leased_until=None, **values)


def _summary(result: script.DeliveryResult) -> str:
    words = " ".join(filter(None, [result.code, result.description]))
    return words or "No reason given"
