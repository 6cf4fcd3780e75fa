"""A phone's answer to a push: the first one decides, once.

NIST SP 800-63B 5.1.3.2: an out-of-band answer is accepted once. Each function writes
its decision and the event in one transaction.
"""

from datetime import datetime
from hmac import compare_digest
from typing import NoReturn, Unpack

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.catalog import Detail
from mfa import challenges
from mfa.models import Challenge, ChallengeState, Channel, Device, Ending, Push
from mfa.push import reports
from mfa.refusals import NotProven

ENDED = "This request has ended, or was answered already."
# The phone may still show a withdrawn push, so ID.me is polled until it expires.
WITHDRAWN = [Ending.CANCELLED, Ending.REPLACED]
UNANSWERED = [*WITHDRAWN, Ending.EXPIRED]


class NotOpen(NotProven):
    """The push takes no answer: it ended, or was answered already."""


class WrongNumber(NotProven):
    """The number on the phone was not the one that the portal shows."""


def is_open(challenge: Challenge) -> bool:
    """Return True if the challenge still waits for an answer."""
    is_in_time = challenge.expires_at > timezone.now()
    return challenge.state == ChallengeState.OPEN and is_in_time


def open_for(device: Device) -> QuerySet[Push]:
    """Return the pushes that a paired phone may show now: one at most."""
    return Push.objects.filter(
        channel=Channel.PHONE,
        challenge__device=device,
        challenge__state=ChallengeState.OPEN,
        challenge__expires_at__gt=timezone.now(),
    ).select_related("challenge__user", "challenge__device")


def approve(push: Push, *, number: str | None = None) -> None:
    """Pass the challenge if it still waits; raise NotOpen or WrongNumber.

    A paired phone sends the number; ID.me has matched it before it approves.
    """
    if push.channel == Channel.PHONE and not _is_number(push, number):
        _count_wrong_number(push)
    now = timezone.now()
    with transaction.atomic(durable=True):
        device = lock_rows(push)
        if not device.is_usable:
            raise NotOpen("This device was removed or disabled in the meantime.")
        _pass(push, now=now)
        Push.objects.filter(pk=push.pk).update(sealed_request="")
        Device.objects.filter(pk=device.pk).update(last_used_at=now)
        record(Act.CHALLENGE_PASSED, push)


def deny(push: Push, *, because: Ending) -> None:
    """End the push as the phone denied it; raise NotOpen if it has ended.

    "It wasn't me" means that somebody else knows the password: it also ends every
    session and challenge of the user and opens an incident. It counts on a withdrawn or
    expired push too, because withdrawing is what an intruder would do.
    """
    with transaction.atomic(durable=True):
        device = lock_rows(push)
        is_alarm = because == Ending.NOT_ME
        if not (end(push, because=because) or (is_alarm and _raise_alarm_once(push))):
            raise NotOpen(ENDED)
        if is_alarm:
            reports.not_me(push.challenge.user, device=device)
        _record_refusal(push, because)


def end_if_open(push: Push, *, because: Ending) -> None:
    """End the push and record it, unless it was answered already."""
    with transaction.atomic(durable=True):
        lock_rows(push)
        if end(push, because=because):
            _record_refusal(push, because)


def end(push: Push, *, because: Ending) -> bool:
    """Refuse the challenge if it is open, expired or not; return True if it was.

    The request id at ID.me is deleted, unless the phone may still show the push.
    """
    open_challenge = Challenge.objects.filter(pk=push.pk, state=ChallengeState.OPEN)
    if not open_challenge.update(
        state=ChallengeState.REFUSED, answered_at=timezone.now()
    ):
        return False
    push.ended_because = because
    if because not in WITHDRAWN:
        push.sealed_request = ""
    push.save(update_fields=["ended_because", "sealed_request"])
    return True


def lock_rows(push: Push) -> Device:
    """Lock the user's row, then the device's; return the device as it is now."""
    challenge = push.challenge
    return challenges.lock_user_and_device(challenge.user_id, challenge.device_id)[1]


def record(
    act: Act,
    push: Push,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    **detail: Unpack[Detail],
) -> None:
    """Record an act on a push, with the purpose and id of its challenge."""
    challenge = push.challenge
    detail["purpose"] = challenge.purpose
    detail["challenge"] = str(challenge.public_id)
    chain.record(
        act,
        by=challenge.user,
        of=challenge.device,
        outcome=outcome,
        **detail,
    )


def _raise_alarm_once(push: Push) -> bool:
    """Mark an unanswered push as reported; return True the first time."""
    unanswered = Push.objects.filter(pk=push.pk, ended_because__in=UNANSWERED)
    return bool(unanswered.update(ended_because=Ending.NOT_ME, sealed_request=""))


def _pass(push: Push, *, now: datetime) -> None:
    passed = _waiting(push, now=now).update(
        state=ChallengeState.PASSED,
        answered_at=now,
        expires_at=now + Challenge.CONSUME_WITHIN,
    )
    if not passed:
        raise NotOpen(ENDED)


def _waiting(push: Push, *, now: datetime) -> QuerySet[Challenge]:
    return Challenge.objects.filter(
        pk=push.pk, state=ChallengeState.OPEN, expires_at__gt=now
    )


def _is_number(push: Push, number: str | None) -> bool:
    return compare_digest((number or "").encode(), push.number.encode())


def _count_wrong_number(push: Push) -> NoReturn:
    """Count it, end the push at the second one, and raise WrongNumber or NotOpen."""
    with transaction.atomic(durable=True):
        lock_rows(push)
        if not _waiting(push, now=timezone.now()).exists():
            raise NotOpen(ENDED)
        Push.objects.filter(pk=push.pk).update(wrong_numbers=F("wrong_numbers") + 1)
        push.refresh_from_db(fields=["wrong_numbers"])
        is_last = push.wrong_numbers >= Push.MAX_WRONG_NUMBERS
        if is_last:
            end(push, because=Ending.WRONG_NUMBER)
        _record_refusal(push, Ending.WRONG_NUMBER)
    if is_last:
        raise NotOpen("That was the wrong number again. This request has ended.")
    raise WrongNumber("That is not the number that the portal shows. Look again.")


def _record_refusal(push: Push, reason: Ending) -> None:
    record(Act.CHALLENGE_REFUSED, push, outcome=Outcome.FAILURE, reason=reason)
