"""What an answer means for a message of the outbox, and for what it is about.

Every function runs in the caller's transaction, which holds the prescription's row.
"""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.models import Event, user_stream
from foundation import notices
from prescriptions import script
from prescriptions.models import (
    Prescription,
    Status,
    Transmission,
    TransmissionState,
)

GIVEN_UP = [Status.FAILED, Status.PRINTED]
TAKEN = [script.Outcome.ACCEPTED, script.Outcome.PASSED_ON]
DELAYS = [5, 15, 60, 300, 900]  # seconds before the next attempt; the last one repeats


def apply(message: Transmission, answer: script.DeliveryResult) -> None:
    """Write what came of an attempt, or of what the pharmacy said by itself."""
    {
        script.Outcome.ACCEPTED: _delivered,
        script.Outcome.PASSED_ON: _passed_on,
        script.Outcome.REJECTED: _refused,
        script.Outcome.TRY_AGAIN: _postponed,
    }[answer.outcome](message, answer)


def is_awaited(message: Transmission) -> bool:
    """Say whether an answer still matters; what was taken back is done with."""
    if message.prescription is None:
        return True
    return message.prescription.status in (Status.QUEUED, Status.TRANSMITTED)


def report_late_acceptance(
    message: Transmission, answer: script.DeliveryResult
) -> bool:
    """Tell the practitioner of an order that the portal has given up, if it is one.

    It may have been written or printed again meanwhile; only people can find out which
    of the two the patient gets (21 CFR 1311.170(b)).
    """
    given_up = message.prescription
    if given_up is None or answer.outcome not in TAKEN:
        return False
    if given_up.status not in GIVEN_UP:
        return False
    record(
        Act.PRESCRIPTION_ACCEPTED_LATE,
        message,
        outcome=Outcome.FAILURE,
        code=answer.code,
    )
    notify_prescriber(
        given_up,
        subject="A pharmacy has what was given up as not delivered",
        template="prescriptions/mail/accepted_late.txt",
    )
    return True


def was_accepted_late(prescription: Prescription) -> bool:
    """Say whether a pharmacy has what was given up, for the page that shows it."""
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
    **detail: object,
) -> None:
    """Nobody does this; it stands in the signer's chain, where they look for it."""
    prescription = message.about
    chain.record(
        act,
        by=None,
        of=prescription,
        stream=user_stream(prescription.prescriber.user),
        outcome=outcome,
        message_id=message.message_id,
        **detail,
    )


def _set_status(prescription: Prescription, status: Status, **values: object) -> None:
    row = Prescription.objects.filter(pk=prescription.pk)
    row.update(status=status, updated_at=timezone.now(), **values)


def _delivered(message: Transmission, answer: script.DeliveryResult) -> None:
    prescription = message.prescription
    if prescription is None:
        _handed_over(message, answer)
        return
    _answered(message, answer, state=TransmissionState.DELIVERED)
    was_transmitted = prescription.status == Status.TRANSMITTED
    if not was_transmitted:
        _set_status(prescription, Status.TRANSMITTED)
    _set_status(prescription, Status.DELIVERED)
    if not was_transmitted:
        record(Act.PRESCRIPTION_TRANSMITTED, message, code=answer.code)
    record(Act.PRESCRIPTION_DELIVERED, message, code=answer.code)


def _passed_on(message: Transmission, answer: script.DeliveryResult) -> None:
    if message.prescription is None:
        _handed_over(message, answer)
        return
    _answered(message, answer, state=TransmissionState.TRANSMITTED)
    if message.prescription.status != Status.TRANSMITTED:
        _set_status(message.prescription, Status.TRANSMITTED)
        record(Act.PRESCRIPTION_TRANSMITTED, message, code=answer.code)


def _handed_over(message: Transmission, answer: script.DeliveryResult) -> None:
    """A CancelRx or a response is with the pharmacy; what it thinks of it comes later."""
    _answered(message, answer, state=TransmissionState.TRANSMITTED)
    record(Act.MESSAGE_SENT, message, code=answer.code, kind=message.kind)


def _refused(message: Transmission, answer: script.DeliveryResult) -> None:
    _fail(message, answer, reason=_summary(answer))


def _postponed(message: Transmission, answer: script.DeliveryResult) -> None:
    now = timezone.now()
    delay = timedelta(seconds=DELAYS[min(message.attempts, len(DELAYS)) - 1])
    if now + delay > message.gives_up_at:
        reason = f"No pharmacy could be reached for a day. {_summary(answer)}"
        _fail(message, answer, reason=reason)
        return
    _update(
        message,
        state=TransmissionState.WAITING,
        next_attempt_at=now + delay,
        last_problem=_summary(answer),
    )
    record(
        Act.TRANSMISSION_FAILED,
        message,
        outcome=Outcome.FAILURE,
        code=answer.code,
        reason=_summary(answer),
        attempts=message.attempts,
    )


def _fail(message: Transmission, answer: script.DeliveryResult, *, reason: str) -> None:
    _update(
        message,
        state=TransmissionState.FAILED,
        answered_at=timezone.now(),
        answer=_summary(answer),
        last_problem=reason[:200],
    )
    failed = Act.MESSAGE_FAILED
    if message.prescription:
        _set_status(message.prescription, Status.FAILED, failure_reason=reason[:200])
        failed = Act.PRESCRIPTION_FAILED
        notify_prescriber(
            message.prescription,
            subject="A prescription was not delivered",
            template="prescriptions/mail/not_delivered.txt",
        )
    record(
        failed,
        message,
        outcome=Outcome.FAILURE,
        code=answer.code,
        reason=reason,
        attempts=message.attempts,
    )


def _answered(
    message: Transmission, answer: script.DeliveryResult, *, state: TransmissionState
) -> None:
    _update(
        message,
        state=state,
        answered_at=timezone.now(),
        answer=_summary(answer),
        last_problem="",
    )


def _update(message: Transmission, **values: object) -> None:
    Transmission.objects.filter(pk=message.pk).update(leased_until=None, **values)


def _summary(answer: script.DeliveryResult) -> str:
    return (
        " ".join(filter(None, [answer.code, answer.description])) or "No reason given"
    )
