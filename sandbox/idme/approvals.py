"""Approvals asked for at the backchannel: sent to a phone, answered, polled, used once.

OpenID Connect CIBA Core 1.0, poll mode, with a number to match.
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from sandbox.idme.issued import digest_of
from sandbox.idme.models import Approval, Decision, Device

NUMBERS_ALLOWED = 2
SLOWER_BY = 5  # seconds, CIBA Core 11
TOLERANCE = timedelta(milliseconds=500)  # two polls may travel at different speeds


class NotOpen(Exception):
    """The request was answered, or its time is over; the message is fit to show."""


class WrongNumber(Exception):
    """The number is not the one in the portal; the message is fit to show."""


def ask(device: Device, *, expires_in: int, **asked: str) -> str:
    """Send a request to a phone; return the id by which the client asks after it."""
    request_id = secrets.token_urlsafe(32)
    now = timezone.now()
    Approval.objects.create(
        digest=digest_of(request_id),
        account=device.account,
        device=device,
        interval=settings.IDME_BACKCHANNEL_INTERVAL,
        sent_at=now,
        expires_at=now + timedelta(seconds=expires_in),
        **asked,
    )
    return request_id


def approve(approval: Approval, *, number: str) -> None:
    """Say yes with the number that the portal shows; raise WrongNumber or NotOpen."""
    if approval.number and not constant_time_compare(number, approval.number):
        _count_wrong_number(approval)
    decide(approval, Decision.APPROVED)


def decide(approval: Approval, decision: Decision) -> None:
    """Take the first answer in time; raise NotOpen for any other."""
    waiting = Approval.objects.waiting().filter(pk=approval.pk)
    if not waiting.update(decision=decision, decided_at=timezone.now()):
        raise NotOpen("This request was answered already, or its time is over.")


def asked_too_soon(approval: Approval) -> bool:
    """Note a poll; say whether it came before the interval was over, and lengthen it."""
    now, before = timezone.now(), approval.polled_at
    interval = timedelta(seconds=approval.interval)
    is_soon = bool(before and now < before + interval - TOLERANCE)
    approval.polled_at = now
    if is_soon:
        approval.interval += SLOWER_BY
    approval.save(update_fields=["polled_at", "interval"])
    return is_soon


def use_up(approval: Approval) -> bool:
    """Say whether this is the first time that an approval is traded for tokens."""
    unused = Approval.objects.filter(
        pk=approval.pk, decision=Decision.APPROVED, used_at=None
    )
    return unused.update(used_at=timezone.now()) == 1


def _count_wrong_number(approval: Approval) -> None:
    waiting = Approval.objects.waiting().filter(pk=approval.pk)
    waiting.update(wrong_numbers=F("wrong_numbers") + 1)
    approval.refresh_from_db()
    if approval.wrong_numbers < NUMBERS_ALLOWED:
        raise WrongNumber(
            "That is not the number in the portal. Look again: you have one more try."
        )
    decide(approval, Decision.WRONG_NUMBER)
    raise WrongNumber("That was the second wrong number. The request is over.")
