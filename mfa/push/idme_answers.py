"""Answers to a push from ID.me: polled for, and accepted on signed evidence.

OpenID CIBA Core 1.0, 11. The last poll is kept in the cache: waiting writes no row.
"""

from contextlib import suppress
from datetime import timedelta

from django.core.cache import cache
from django.utils import timezone

from mfa import vault
from mfa.models import ChallengeState, Channel, Ending, IdmeAccount, Push
from mfa.oidc import backchannel
from mfa.oidc.errors import IdmeError, IdmeUnavailable
from mfa.push import answers, evidence

SLOWER_BY = 5  # seconds; CIBA Core 11
FINAL_PERIOD = timedelta(seconds=20)  # in which the worker polls open pushes, too


def accept(push: Push, claims: dict) -> None:
    """Apply ID.me's signed answer: approve on good evidence, else end the push."""
    account = linked_account(push)
    reason = evidence.refusal(
        claims,
        account=account,
        device=push.challenge.device,
        since=push.challenge.started_at,
    )
    if reason:
        answers.end_if_open(push, because=reason)
    else:
        answers.approve(push)


def is_due(push: Push) -> bool:
    """Return True if it is time to poll, at most once per interval of the provider."""
    is_ciba = push.channel == Channel.CIBA
    return is_ciba and cache.add(_cache_key(push), True, push.interval)


def poll(push: Push) -> None:
    """Poll once and apply the answer; while ID.me is unavailable, nothing changes."""
    account = linked_account(push)
    if account is None:  # unlinked in the meantime
        answers.end_if_open(push, because=Ending.UNAVAILABLE)
        return
    try:
        answer = backchannel.poll(push.request_id(), subject=account.subject)
    except IdmeUnavailable:
        return
    except (IdmeError, vault.CannotUnseal):
        answers.end_if_open(push, because=Ending.UNAVAILABLE)
        return
    with suppress(answers.NotOpen):
        _apply(push, answer)


def poll_unwatched() -> None:
    """Poll pushes that no page polls: their owner may report them as "not me".

    A withdrawn push is polled until its request at ID.me expires; an open one, whose
    page may be closed, in its FINAL_PERIOD.
    """
    for push in Push.objects.with_open_request().select_related("challenge__user"):
        challenge, left = push.challenge, push.challenge.expires_at - timezone.now()
        is_page_polling = challenge.state == ChallengeState.OPEN and left > FINAL_PERIOD
        if left <= timedelta():
            answers.end_if_open(push, because=Ending.EXPIRED)
            Push.objects.filter(pk=push.pk).update(sealed_request="")
        elif not is_page_polling and is_due(push):
            poll(push)


def linked_account(push: Push) -> IdmeAccount | None:
    """Return the ID.me account that is linked now to the user of the push."""
    return IdmeAccount.objects.linked_to(push.challenge.user_id)


def _apply(push: Push, answer: backchannel.Answer) -> None:
    match answer.state:
        case "approved":
            accept(push, answer.claims)
        case "denied":
            answers.deny(push, because=Ending.DENIED)
        case "not_me":
            answers.deny(push, because=Ending.NOT_ME)
        case "expired":
            answers.end_if_open(push, because=Ending.EXPIRED)
        case "slow_down":
            cache.set(_cache_key(push), True, push.interval + SLOWER_BY)


def _cache_key(push: Push) -> str:
    return f"push-polled-{push.challenge.public_id}"
