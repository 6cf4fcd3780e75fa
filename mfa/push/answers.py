"""What a phone says to a push: the first answer decides, once.

NIST SP 800-63B 5.1.3.2: an out-of-band answer is accepted once. Every function here
writes what it decides, and the event, in one transaction.
"""

from datetime import datetime
from hmac import compare_digest
from typing import NoReturn

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from mfa import challenges
from mfa.models import Challenge, ChallengeState, Channel, Device, Ending, Push
from mfa.push import reports
from mfa.refusals import NotProven

OVER = "This request has ended, or was answered already."
# The phone may still show what the portal took back. ID.me is asked until its time is over.
TAKEN_BACK = [Ending.CANCELLED, Ending.REPLACED]
UNANSWERED = [*TAKEN_BACK, Ending.EXPIRED]


class NotOpen(NotProven):
    """The push waits for no answer: it ended, or was decided already."""


class WrongNumber(NotProven):
    """The number on the phone was not the one that the portal shows."""


def is_open(challenge: Challenge) -> bool:
    is_in_time = challenge.expires_at > timezone.now()
    return challenge.state == ChallengeState.OPEN and is_in_time


def open_for(device: Device) -> QuerySet[Push]:
    """Return what a paired phone may be asked right now: one push, or none."""
    return Push.objects.filter(
        channel=Channel.PHONE,
        challenge__device=device,
        challenge__state=ChallengeState.OPEN,
        challenge__expires_at__gt=timezone.now(),
    ).select_related("challenge__user", "challenge__device")


def approve(push: Push, *, number: str | None = None) -> None:
    """Let the challenge pass if it still waits; raise NotOpen or WrongNumber.

    A paired phone says the number; ID.me has matched it before it says yes.
    """
    if push.channel == Channel.PHONE and not _is_number(push, number):
        _count_wrong_number(push)
    now = timezone.now()
    with transaction.atomic(durable=True):
        device = locked(push)
        if not challenges.is_usable(device):
            raise NotOpen("This device was removed or disabled in the meantime.")
        passed = _waiting(push, now=now).update(
            state=ChallengeState.PASSED,
            answered_at=now,
            expires_at=now + Challenge.CONSUME_WITHIN,
        )
        if not passed:
            raise NotOpen(OVER)
        Push.objects.filter(pk=push.pk).update(sealed_request="")
        Device.objects.filter(pk=device.pk).update(last_used_at=now)
        record(Act.CHALLENGE_PASSED, push)


def deny(push: Push, *, because: Ending) -> None:
    """End the push with the phone's no; raise NotOpen when it waits no longer.

    "It wasn't me" means that somebody else knows the password: it also ends every
    session and proof of the user and opens an incident. It counts when the push was
    taken back or too old as well, for that is what somebody else would do.
    """
    with transaction.atomic(durable=True):
        device = locked(push)
        is_alarm = because == Ending.NOT_ME
        if not (end(push, because=because) or (is_alarm and _is_first_answer(push))):
            raise NotOpen(OVER)
        if is_alarm:
            reports.not_me(push.challenge.user, device=device)
        _record_refusal(push, because)


def end_if_open(push: Push, *, because: Ending) -> None:
    """End the push unless it was answered already."""
    with transaction.atomic(durable=True):
        locked(push)
        if end(push, because=because):
            _record_refusal(push, because)


def end(push: Push, *, because: Ending) -> bool:
    """Refuse the challenge if it is open, late or not, and forget what is over."""
    still_open = Challenge.objects.filter(pk=push.pk, state=ChallengeState.OPEN)
    ended = still_open.update(state=ChallengeState.REFUSED, answered_at=timezone.now())
    if ended:
        push.ended_because = because
        if because not in TAKEN_BACK:
            push.sealed_request = ""
        push.save(update_fields=["ended_because", "sealed_request"])
    return bool(ended)


def _is_first_answer(push: Push) -> bool:
    """Note the alarm about a push that ended unanswered; say whether it is the first."""
    ended = Push.objects.filter(pk=push.pk, ended_because__in=UNANSWERED)
    return bool(ended.update(ended_because=Ending.NOT_ME, sealed_request=""))


def locked(push: Push) -> Device:
    """Hold the user's row, then the device's, in the order of every other act."""
    users, user = get_user_model().objects, push.challenge.user_id
    users.select_for_update(no_key=True).get(pk=user)
    rows = Device.objects.select_for_update(no_key=True)
    return rows.get(pk=push.challenge.device_id)


def record(act: Act, push: Push, **facts) -> None:
    """Put on record what became of a push."""
    challenge = push.challenge
    chain.record(
        act,
        by=challenge.user,
        of=challenge.device,
        purpose=challenge.purpose,
        challenge=str(challenge.public_id),
        **facts,
    )


def _waiting(push: Push, *, now: datetime) -> QuerySet[Challenge]:
    return Challenge.objects.filter(
        pk=push.pk, state=ChallengeState.OPEN, expires_at__gt=now
    )


def _is_number(push: Push, number: str | None) -> bool:
    return compare_digest((number or "").encode(), push.number.encode())


def _count_wrong_number(push: Push) -> NoReturn:
    """Count it, end the push at the second one, and raise WrongNumber or NotOpen."""
    with transaction.atomic(durable=True):
        locked(push)
        if not _waiting(push, now=timezone.now()).exists():
            raise NotOpen(OVER)
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
