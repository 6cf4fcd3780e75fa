"""The outbox: signed prescriptions on their way to the pharmacy network.

The row is the truth: state, attempts, next try, and the exact bytes. Whoever claims a
row holds it for a lease; a process killed while sending leaves a row that the sweep
picks up, and the network recognises the MessageID.
"""

import logging
import time
from datetime import datetime, timedelta

import requests
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django_tasks import task

from audit import chain
from audit.acts import Act, Outcome
from audit.models import user_stream
from prescriptions import script, verification
from prescriptions.models import (
    Prescription,
    SignedRecord,
    Status,
    Transmission,
    TransmissionState,
)

logger = logging.getLogger(__name__)

DELAYS = [5, 15, 60, 300, 900]  # seconds before the next attempt; the last one repeats
LEASE_MARGIN = timedelta(seconds=30)
STRANDED_AFTER = timedelta(seconds=20)  # a task that has not begun may be lost
LARGEST_ANSWER = 64 * 1024  # bytes
# What no later attempt can mend: the message itself is refused.
REFUSED_FOR_GOOD = {400, 413, 415, 422}
HEADERS = {"Content-Type": "application/xml", "Accept": "application/xml"}

WAITING = TransmissionState.WAITING
SENDING = TransmissionState.SENDING


class NotAllowed(Exception):
    """The message is not waiting, or is not theirs; says why."""


@task()
def send(transmission_pk: int) -> str:
    """Make one attempt, if it is due and nobody else is at it. Safe to run twice."""
    return attempt(transmission_pk)


def enqueue(transmission_pk: int) -> None:
    send.enqueue(transmission_pk)


def attempt(transmission_pk: int) -> str:
    """Claim, send and settle one message; return the state it is in then."""
    message = _claim(transmission_pk)
    if message is None:
        return "nothing to do"
    _settle(message, _send_what_was_signed(message))
    return Transmission.objects.get(pk=message.pk).state


def sweep() -> int:
    """Enqueue what is due or was left behind by a killed process; return how many."""
    now = timezone.now()
    stranded = Q(enqueued_at__lt=F("next_attempt_at")) | Q(
        enqueued_at__lt=now - STRANDED_AFTER
    )
    due = Transmission.objects.filter(_claimable(now), stranded)
    swept = 0
    for pk in due.values_list("pk", flat=True):
        if due.filter(pk=pk).update(enqueued_at=now):
            enqueue(pk)
            swept += 1
    return swept


def retry_now(message: Transmission, *, by) -> None:
    """Try again at once what waits for its next attempt; the same bytes go out."""
    now = timezone.now()
    theirs = Prescription.objects.visible_to(by).filter(pk=message.prescription_id)
    if not theirs.exists():
        raise NotAllowed("There is no such prescription at your practice.")
    with transaction.atomic(durable=True):
        waiting = Transmission.objects.filter(pk=message.pk, state=WAITING)
        if not waiting.update(next_attempt_at=now, enqueued_at=now):
            raise NotAllowed("It is being sent or has been answered already.")
        chain.record(
            Act.TRANSMISSION_RETRIED,
            by=by,
            of=message.prescription,
            message_id=message.message_id,
        )
        transaction.on_commit(lambda: enqueue(message.pk), robust=True)


def _claimable(now: datetime) -> Q:
    return Q(state=WAITING, next_attempt_at__lte=now) | Q(
        state=SENDING, leased_until__lt=now
    )


def _claim(pk: int) -> Transmission | None:
    """Make a due message this caller's until the lease ends; None for all others."""
    now = timezone.now()
    lease = timedelta(seconds=2 * settings.SCRIPT_NETWORK_TIMEOUT) + LEASE_MARGIN
    queued = Prescription.objects.filter(status=Status.QUEUED).values("pk")
    due = Transmission.objects.filter(_claimable(now), pk=pk, prescription__in=queued)
    claimed = due.update(
        state=SENDING,
        attempts=F("attempts") + 1,
        last_attempt_at=now,
        leased_until=now + lease,
    )
    return Transmission.objects.get(pk=pk) if claimed else None


def _send_what_was_signed(message: Transmission) -> script.Answer:
    """Send the message if it says what the archived record says, else keep it back.

    21 CFR 1311.120(b)(18): nothing unsigned leaves, however it got into the outbox.
    """
    record = SignedRecord.objects.filter(prescription=message.prescription_id).first()
    problem = verification.problem_with(record) if record else "it was never signed."
    if problem:
        logger.error("Message %s is kept back: %s", message.message_id, problem)
        return _later(f"Kept back, tell your administrator: {problem}"[:200])
    return _post(bytes(message.xml), message_id=message.message_id)


def _post(xml: bytes, *, message_id: str) -> script.Answer:
    """Return the answer of the network, or why there is none; never raise for it."""
    try:
        with requests.post(
            settings.SCRIPT_NETWORK_URL,
            data=xml,
            headers=HEADERS
            | {"Authorization": f"Bearer {settings.SCRIPT_NETWORK_TOKEN}"},
            timeout=settings.SCRIPT_NETWORK_TIMEOUT,
            allow_redirects=False,
            stream=True,
        ) as response:
            return _answer(response, message_id=message_id)
    except requests.RequestException as error:
        logger.warning("No answer for %s: %s", message_id, type(error).__name__)
        return _later("The pharmacy network could not be reached.")


def _answer(response: requests.Response, *, message_id: str) -> script.Answer:
    code = response.status_code
    if code in REFUSED_FOR_GOOD:
        return script.Answer(
            script.Outcome.REJECTED,
            code=str(code),
            description=f"The pharmacy network refused the message (HTTP {code}).",
        )
    if code != 200:
        return _later(f"The pharmacy network answered HTTP {code}.")
    body = _body(response)
    if body is None:
        return _later("The answer of the pharmacy network was too long or too slow.")
    answer = script.parse_answer(body)
    if answer.outcome != script.Outcome.TRY_AGAIN and answer.relates_to != message_id:
        return _later("The pharmacy network answered another message.")
    return answer


def _body(response: requests.Response) -> bytes | None:
    """Read the answer within size and time; a trickle is not allowed to hold us."""
    deadline = time.monotonic() + settings.SCRIPT_NETWORK_TIMEOUT
    body = b""
    for part in response.iter_content(8192):
        body += part
        if len(body) > LARGEST_ANSWER or time.monotonic() > deadline:
            return None
    return body


def _later(description: str) -> script.Answer:
    return script.Answer(script.Outcome.TRY_AGAIN, description=description)


def _settle(message: Transmission, answer: script.Answer) -> None:
    """Write what came of an attempt, unless somebody else took over meanwhile."""
    settled = {
        script.Outcome.ACCEPTED: _delivered,
        script.Outcome.PASSED_ON: _passed_on,
        script.Outcome.REJECTED: _refused,
        script.Outcome.TRY_AGAIN: _postponed,
    }[answer.outcome]
    with transaction.atomic(durable=True):
        prescription = Prescription.objects.select_for_update(no_key=True).get(
            pk=message.prescription_id
        )
        ours = Transmission.objects.filter(
            pk=message.pk, state=SENDING, attempts=message.attempts
        )
        if ours.exists() and prescription.status == Status.QUEUED:
            settled(message, ours, prescription, answer)


def _delivered(message, ours, prescription, answer) -> None:
    ours.update(
        state=TransmissionState.DELIVERED,
        leased_until=None,
        answered_at=timezone.now(),
        answer=_said(answer),
        last_problem="",
    )
    _move(prescription, Status.TRANSMITTED)
    _move(prescription, Status.DELIVERED)
    _record(Act.PRESCRIPTION_TRANSMITTED, prescription, message, code=answer.code)
    _record(Act.PRESCRIPTION_DELIVERED, prescription, message, code=answer.code)


def _passed_on(message, ours, prescription, answer) -> None:
    ours.update(
        state=TransmissionState.TRANSMITTED,
        leased_until=None,
        answered_at=timezone.now(),
        answer=_said(answer),
        last_problem="",
    )
    _move(prescription, Status.TRANSMITTED)
    _record(Act.PRESCRIPTION_TRANSMITTED, prescription, message, code=answer.code)


def _refused(message, ours, prescription, answer) -> None:
    _fail(message, ours, prescription, answer, reason=_said(answer))


def _postponed(message, ours, prescription, answer) -> None:
    now = timezone.now()
    delay = timedelta(seconds=DELAYS[min(message.attempts, len(DELAYS)) - 1])
    if now + delay > message.created_at + Transmission.GIVE_UP_AFTER:
        reason = f"No pharmacy could be reached for a day. {_said(answer)}"
        _fail(message, ours, prescription, answer, reason=reason)
        return
    ours.update(
        state=WAITING,
        leased_until=None,
        next_attempt_at=now + delay,
        last_problem=_said(answer),
    )
    _record(
        Act.TRANSMISSION_FAILED,
        prescription,
        message,
        outcome=Outcome.FAILURE,
        code=answer.code,
        reason=_said(answer),
        attempts=message.attempts,
    )


def _fail(message, ours, prescription, answer, *, reason: str) -> None:
    ours.update(
        state=TransmissionState.FAILED,
        leased_until=None,
        answered_at=timezone.now(),
        answer=_said(answer),
        last_problem=reason[:200],
    )
    _move(prescription, Status.FAILED, failure_reason=reason[:200])
    _record(
        Act.PRESCRIPTION_FAILED,
        prescription,
        message,
        outcome=Outcome.FAILURE,
        code=answer.code,
        reason=reason,
        attempts=message.attempts,
    )


def _move(prescription: Prescription, status: Status, **values) -> None:
    row = Prescription.objects.filter(pk=prescription.pk)
    row.update(status=status, updated_at=timezone.now(), **values)


def _record(act: Act, prescription: Prescription, message: Transmission, **detail):
    """Nobody does this; it stands in the signer's chain, where they look for it."""
    chain.record(
        act,
        by=None,
        of=prescription,
        stream=user_stream(prescription.prescriber.user),
        message_id=message.message_id,
        **detail,
    )


def _said(answer: script.Answer) -> str:
    return (
        " ".join(filter(None, [answer.code, answer.description])) or "No reason given"
    )
