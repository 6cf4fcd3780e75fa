"""The outbox: messages to the pharmacy network, each sent as soon as possible.

The row is the truth: state, attempts, next attempt and the exact bytes. A worker claims
a row for a lease; when it is killed while sending, the lease expires, the sweep enqueues
the row again, and the network recognizes the MessageID. Nothing signed is held back to
be sent later (21 CFR 1311.170(a)).
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django_tasks import task

from audit import chain
from audit.acts import Act, Outcome
from foundation.actors import User
from foundation.refusals import Overtaken
from prescriptions import permissions, script, verification
from prescriptions.delivery import network, outcomes
from prescriptions.models import (
    Prescription,
    SignedRecord,
    Status,
    Transmission,
    TransmissionState,
)
from prescriptions.network_settings import script_settings
from prescriptions.permissions import Permission

logger = logging.getLogger(__name__)

LEASE_MARGIN = timedelta(seconds=30)
STRANDED_AFTER = timedelta(seconds=20)  # a task that has not started may be lost

WAITING = TransmissionState.WAITING
SENDING = TransmissionState.SENDING


class RetryRefused(Overtaken):
    """The message cannot be sent again now; the text says why."""


@task()
def send(transmission_pk: int) -> str:
    """Make one delivery attempt, if it is due. Safe to run twice."""
    return attempt(transmission_pk)


def enqueue(transmission_pk: int) -> None:
    """Queue one delivery attempt for the worker."""
    send.enqueue(transmission_pk)


def add(message: Transmission, *, now: datetime, after: datetime | None = None) -> None:
    """Save a new message and send it once the caller's transaction commits."""
    add_all([message], now=now, after=after)


def add_all(
    messages: list[Transmission], *, now: datetime, after: datetime | None = None
) -> None:
    """Like `add()`, for many messages.

    The task that wakes a worker is written in the same transaction.
    """
    for message in messages:
        message.created_at = message.enqueued_at = now
        message.next_attempt_at = max(now, after or now)
    Transmission.objects.bulk_create(messages)
    for message in messages:
        enqueue(message.pk)


def attempt(transmission_pk: int) -> str:
    """Claim and send one message, and record the result; return its state."""
    message = _claim(transmission_pk)
    if message is None:
        return "nothing to do"
    _record_result(message, _send_if_signed(message))
    return Transmission.objects.get(pk=message.pk).state


def sweep() -> int:
    """Enqueue messages that are due or whose lease expired; return how many."""
    now = timezone.now()
    stranded = Q(enqueued_at__lt=F("next_attempt_at")) | Q(
        enqueued_at__lt=now - STRANDED_AFTER
    )
    due = Transmission.objects.filter(_claimable(now), stranded)
    enqueued = 0
    for pk in due.values_list("pk", flat=True):
        if due.filter(pk=pk).update(enqueued_at=now):
            enqueue(pk)
            enqueued += 1
    return enqueued


def retry_now(message: Transmission, *, by: User) -> None:
    """Attempt a waiting message at once, with the same bytes; raise RetryRefused."""
    now = timezone.now()
    if not permissions.may(by, Permission.SEND_AGAIN, of=message.about):
        raise RetryRefused("There is no such prescription at your practice.")
    with transaction.atomic(durable=True):
        waiting = Transmission.objects.filter(pk=message.pk, state=WAITING)
        if not waiting.update(next_attempt_at=now, enqueued_at=now):
            raise RetryRefused("It is being sent or has been answered already.")
        chain.record(
            Act.TRANSMISSION_RETRIED,
            by=by,
            of=message.about,
            message_id=message.message_id,
        )
        transaction.on_commit(lambda: enqueue(message.pk), robust=True)


def _claimable(now: datetime) -> Q:
    """Return the condition on messages that are due or whose lease expired."""
    return Q(state=WAITING, next_attempt_at__lte=now) | Q(
        state=SENDING, leased_until__lt=now
    )


def _claim(pk: int) -> Transmission | None:
    """Claim a due message until the lease expires; None if it is not due or taken."""
    now = timezone.now()
    lease = timedelta(seconds=2 * script_settings().network_timeout) + LEASE_MARGIN
    queued = Prescription.objects.filter(status=Status.QUEUED).values("pk")
    due = Transmission.objects.filter(
        _claimable(now), Q(prescription=None) | Q(prescription__in=queued), pk=pk
    )
    claimed = due.update(
        state=SENDING,
        attempts=F("attempts") + 1,
        last_attempt_at=now,
        leased_until=now + lease,
    )
    return Transmission.objects.get(pk=pk) if claimed else None


def _send_if_signed(message: Transmission) -> script.DeliveryResult:
    """Send the message if it matches the archived record, or else keep it back.

    21 CFR 1311.120(b)(18): nothing unsigned leaves, however it got into the outbox.
    """
    record = SignedRecord.objects.filter(prescription=message.about).first()
    problem = verification.problem_with(record) if record else "it was never signed."
    if not problem:
        return network.post(bytes(message.xml), message_id=message.message_id)
    logger.error("Message %s is kept back: %s", message.message_id, problem)
    if not message.is_kept_back:
        outcomes.record(
            Act.MESSAGE_KEPT_BACK, message, outcome=Outcome.FAILURE, problem=problem
        )
    return network.try_again(
        f"{Transmission.KEPT_BACK}, tell your administrator: {problem}"[:200]
    )


def _record_result(message: Transmission, result: script.DeliveryResult) -> None:
    """Record the result of this attempt, unless another worker claimed the row since."""
    with transaction.atomic(durable=True):
        Prescription.objects.select_for_update(no_key=True).get(pk=message.about.pk)
        current = (
            Transmission.objects.select_related("prescription")
            .filter(pk=message.pk, state=SENDING, attempts=message.attempts)
            .first()
        )
        if current and outcomes.is_awaited(current):
            outcomes.apply(current, result)
