"""What ID.me says to a push: asked for gently, believed on good evidence.

OpenID CIBA Core 1.0, 11. Polling is remembered in memory, so that waiting writes nothing.
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
FINAL_PERIOD = timedelta(seconds=20)


def accept(push: Push, claims: dict) -> None:
    """Take ID.me's signed answer: it counts when it names the device, and is new."""
    account = account_of(push)
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
    """Say whether to poll now; kept in memory, so that waiting writes nothing."""
    is_polled = push.channel == Channel.CIBA
    return is_polled and cache.add(_polled(push), True, push.interval)


def poll(push: Push) -> None:
    """Poll once; what ID.me cannot answer now is asked again next time."""
    account = account_of(push)
    if account is None:  # unlinked meanwhile
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
        _take_answer(push, answer)


def poll_unwatched() -> None:
    """Ask about pushes that no page asks about: it may not have been the owner's.

    Those taken back are asked about until ID.me's request is over; those still open, as
    their page may be closed, shortly before.
    """
    for push in Push.objects.listened_to().select_related("challenge__user"):
        challenge, left = push.challenge, push.challenge.expires_at - timezone.now()
        is_page_asking = challenge.state == ChallengeState.OPEN and left > FINAL_PERIOD
        if left <= timedelta():
            answers.end_if_open(push, because=Ending.EXPIRED)
            Push.objects.filter(pk=push.pk).update(sealed_request="")
        elif not is_page_asking and is_due(push):
            poll(push)


def account_of(push: Push) -> IdmeAccount | None:
    """Return the account that is linked now to whom the push asks."""
    return IdmeAccount.objects.linked_to(push.challenge.user_id)


def _take_answer(push: Push, answer: backchannel.Answer) -> None:
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
            cache.set(_polled(push), True, push.interval + SLOWER_BY)


def _polled(push: Push) -> str:
    return f"push-polled-{push.challenge.public_id}"
