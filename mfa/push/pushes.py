"""Push requests: a phone is asked, and its first answer decides, once.

A push is the second factor of a challenge that began with the password. OpenID CIBA
Core 1.0, NIST SP 800-63B 5.1.3. Polling writes nothing until there is an answer.
"""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from audit.acts import Act
from audit.reasons import Reason, ReasonChoices
from foundation.actors import User
from mfa import challenges
from mfa.models import (
    Challenge,
    ChallengeState,
    Channel,
    Device,
    Ending,
    Intent,
    Kind,
    Purpose,
    Push,
    PushQuerySet,
    Source,
)
from mfa.oidc import backchannel
from mfa.oidc.errors import IdmeError, IdmeUnavailable
from mfa.oidc.http import shared_timeout
from mfa.push import answers, idme_answers
from mfa.refusals import NotProven

MAX_PUSHES = 3  # within PUSH_WINDOW
PUSH_WINDOW = timedelta(minutes=10)
SHOWN_FOR = timedelta(minutes=5)  # an ended push, on the page that asked for it


class PushRefused(NotProven):
    """No push was sent; the message says why and what to do."""


def start(intent: Intent, *, device: Device, message: str, password: str) -> Challenge:
    """Check the password, send a push, and return the open challenge.

    Raise NotProven; no push was sent then.
    """
    challenges.plausible_now()
    device = challenges.require_usable(
        device, kind=Kind.PUSH, user=intent.user, purpose=intent.purpose
    )
    challenges.confirm_password(intent.user, password=password)
    return _send(intent.challenge(device), message=message)


def resend(challenge: Challenge) -> Challenge:
    """Send a new push in place of an open one; raise NotProven."""
    if not answers.is_open(challenge):
        raise answers.NotOpen(
            "That push has ended. Enter your password to send a new one."
        )
    challenges.require_usable(
        challenge.device,
        kind=Kind.PUSH,
        user=challenge.user,
        purpose=Purpose(challenge.purpose),
    )
    return _send(challenge.successor(), message=challenge.push.message)


def latest(intent: Intent) -> Challenge | None:
    """Return the newest push for this intent, unless redeemed."""
    bound = Challenge.objects.bound_to(intent)
    return (
        bound.filter(push__isnull=False, started_at__gt=timezone.now() - SHOWN_FOR)
        .exclude(state=ChallengeState.CONSUMED)
        .select_related("push", "device", "user")
        .first()
    )


def is_redeemable(challenge: Challenge) -> bool:
    """Return True if the phone approved, and not too long ago."""
    is_in_time = challenge.expires_at > timezone.now()
    return challenge.state == ChallengeState.PASSED and is_in_time


def check(challenge: Challenge) -> Challenge:
    """Return the challenge as it is now, after polling ID.me if it is time to."""
    push = challenge.push
    if challenge.state == ChallengeState.OPEN and not answers.is_open(challenge):
        answers.end_if_open(push, because=Ending.EXPIRED)
    elif challenge.state == ChallengeState.OPEN and idme_answers.is_due(push):
        idme_answers.poll(push)
    challenge.refresh_from_db()
    return challenge


def cancel(challenge: Challenge) -> None:
    """Withdraw an open push; one that was answered stays as it is."""
    with transaction.atomic(durable=True):
        answers.lock_rows(challenge.push)
        if answers.end(challenge.push, because=Ending.CANCELLED):
            answers.record(
                Act.CHALLENGE_CANCELLED, challenge.push, reason=Ending.CANCELLED
            )


@shared_timeout()
def _send(challenge: Challenge, *, message: str) -> Challenge:
    try:
        channel = _channel_of(challenge.device)
    except IdmeError as failure:
        raise _not_sent(challenge, failure) from None
    push = _open(challenge, channel=channel, message=message)
    if channel == Channel.CIBA:
        try:
            _send_by_backchannel(push)
        except IdmeError as failure:
            answers.end_if_open(push, because=Ending.UNAVAILABLE)
            raise _not_sent(challenge, failure) from None
    return challenge


def _open(challenge: Challenge, *, channel: Channel, message: str) -> Push:
    """Save the open challenge; one at a time and few, against push fatigue."""
    try:
        with transaction.atomic(durable=True):
            challenges.lock_user(challenge.user_id)
            now = timezone.now()
            _make_room(challenge, now=now)
            challenge.started_at = now
            challenge.expires_at = now + Challenge.ANSWER_WITHIN
            challenge.save()
            push = _create(challenge, channel=channel, message=message)
            answers.record(Act.CHALLENGE_STARTED, push, channel=channel)
    except PushRefused:
        _record_refusal(challenge, reason=Reason.TOO_MANY_PUSHES)
        raise
    return push


def _create(challenge: Challenge, *, channel: Channel, message: str) -> Push:
    return Push.objects.create(
        challenge=challenge,
        channel=channel,
        message=message,
        number=f"{secrets.randbelow(90) + 10}",
        nonce=secrets.token_hex(32),
    )


def _make_room(challenge: Challenge, *, now: datetime) -> None:
    """End the open pushes of this session; raise PushRefused if no more may be sent."""
    open_pushes = Push.objects.filter(
        challenge__user=challenge.user, challenge__state=ChallengeState.OPEN
    ).select_related("challenge__user", "challenge__device")
    _require_none_elsewhere(challenge, open_pushes)
    _require_few(challenge.user, now=now)
    for push in open_pushes:
        is_late = not answers.is_open(push.challenge)
        answers.end(push, because=Ending.EXPIRED if is_late else Ending.REPLACED)
        answers.record(Act.CHALLENGE_CANCELLED, push, reason=Ending(push.ended_because))


def _require_none_elsewhere(challenge: Challenge, open_pushes: PushQuerySet) -> None:
    for push in open_pushes:
        is_of_session = push.challenge.session_digest == challenge.session_digest
        if answers.is_open(push.challenge) and not is_of_session:
            raise PushRefused(
                "A push that was asked for elsewhere is waiting on your phone. Answer "
                "it there, or choose “It wasn't me” if it was not you; or use a code "
                "generator here."
            )


def _require_few(user: User, *, now: datetime) -> None:
    pushes = Push.objects.exclude(ended_because=Ending.UNAVAILABLE)
    sent = pushes.filter(
        challenge__user=user, challenge__started_at__gt=now - PUSH_WINDOW
    ).order_by("-challenge__started_at")
    times = sent.values_list("challenge__started_at", flat=True)[:MAX_PUSHES]
    if len(times) < MAX_PUSHES:
        return
    wait = times[MAX_PUSHES - 1] + PUSH_WINDOW - now
    minutes = max(1, round(wait.total_seconds() / 60))
    raise PushRefused(
        f"{MAX_PUSHES} pushes were sent within {PUSH_WINDOW.seconds // 60} minutes. "
        f"Use a code generator, or wait {minutes} minutes for the next push."
    )


def _channel_of(device: Device) -> Channel:
    if device.source == Source.PORTAL:
        return Channel.PHONE
    return Channel.CIBA if backchannel.is_offered() else Channel.STEP_UP


def _send_by_backchannel(push: Push) -> None:
    account = idme_answers.linked_account(push)
    if account is None:
        raise IdmeUnavailable
    started = backchannel.start(
        subject=account.subject,
        device=push.challenge.device.external_id,
        message=push.message,
        number=push.number,
        expires_in=int(Challenge.ANSWER_WITHIN.total_seconds()),
    )
    push.set_request(started.request_id)
    push.interval = started.interval
    push.save(update_fields=["sealed_request", "interval"])


def _not_sent(challenge: Challenge, failure: IdmeError) -> PushRefused:
    """Record that ID.me could not send the push; return the refusal to raise."""
    _record_refusal(challenge, reason=failure.reason)
    return PushRefused(f"No push was sent. {failure}")


def _record_refusal(challenge: Challenge, *, reason: ReasonChoices) -> None:
    challenges.record_refusal(
        challenge.user,
        challenge.device,
        purpose=Purpose(challenge.purpose),
        reason=reason,
    )
