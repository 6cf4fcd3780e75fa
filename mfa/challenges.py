"""The only way anything sensitive is authorized: two factors, for one content, once.

`prove` asks for the password and a code (`mfa.push.pushes` asks a phone instead); `consume`
redeems the result inside the transaction that does the act. 21 CFR 1311.115(a),
1311.120(b)(5), (11); RFC 6238 5.2.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime

import rfc8785
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from audit import chain
from audit.acts import Act, Outcome
from mfa import codes, throttle
from mfa.models import (
    SIGNING_KINDS,
    Challenge,
    ChallengeState,
    Device,
    Kind,
    Purpose,
    UserThrottle,
    session_digest,
)
from mfa.refusals import (
    DeviceNotUsable,
    Locked,
    NotProven,
    NotRedeemable,
    PasswordRefused,
    duration,
)

PLAUSIBLE_YEARS = range(2024, 2100)


def digest_of(act: str, **facts: str) -> str:
    """Return the digest that a challenge for an act other than signing is bound to."""
    return hashlib.sha256(rfc8785.dumps({"act": act, **facts})).hexdigest()


@sensitive_variables("password", "code")
def prove(
    user,
    *,
    device: Device,
    purpose: Purpose,
    payload_digest: str,
    password: str | None,
    code: str,
    session_key: str,
) -> Challenge:
    """Check password and code, and return a challenge passed for this content.

    Without a password, the caller holds an open challenge that began with a right one.
    Raise a NotProven. Whatever happens is committed by itself, so that no caller's
    rollback gives a guess or a used code back.
    """
    now = plausible_now()
    device = usable(device, kind=Kind.CODE_GENERATOR, user=user, purpose=purpose)
    reservation = _reserve_for(user, device, purpose=purpose, now=now)
    if password is not None and not user.check_password(password):
        refuse(user, device, purpose=purpose, reason="password")
        raise PasswordRefused("The password is wrong. The code was not used.")
    challenge = Challenge(
        user=user,
        device=device,
        purpose=purpose,
        payload_digest=payload_digest,
        session_digest=session_digest(session_key),
        started_at=now,
        expires_at=now + Challenge.CONSUME_WITHIN,
    )
    if refusal := _answer(challenge, code=code, reservation=reservation):
        raise refusal
    return challenge


@sensitive_variables("password")
def confirm_password(user, *, password: str) -> None:
    """Check the password of a session's owner under the same limit as `prove`.

    No page may tell right passwords from wrong ones without it. Raise a NotProven.
    """
    now = timezone.now()
    rows = UserThrottle.objects.filter(user=user)
    reservation = _reserve_of_user(user, now=now)
    if reservation is None or not user.check_password(password):
        reason = "locked" if reservation is None else "password"
        chain.record(
            Act.CHALLENGE_REFUSED, by=user, outcome=Outcome.FAILURE, reason=reason
        )
        if reservation is None:
            raise Locked(rows.get().locked_until or now)
        raise PasswordRefused("The password is wrong.")
    # One factor alone ends no row of failures.
    throttle.release(rows, reservation)


def consume(
    challenge: Challenge,
    *,
    user,
    purpose: Purpose,
    payload_digest: str,
    session_key: str,
) -> None:
    """Redeem a passed challenge, once, in the caller's transaction.

    Everything is read again: what was true when the device answered is not enough.
    Raise NotRedeemable; the caller's transaction must then roll back.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Redeem a challenge in the transaction of the act.")
    now = timezone.now()
    # The user's row first, as the device feed does, so that neither waits for the other.
    get_user_model().objects.select_for_update(no_key=True).get(pk=user.pk)
    device = Device.objects.select_for_update(no_key=True).get(pk=challenge.device_id)
    redeemed = Challenge.objects.filter(
        pk=challenge.pk,
        user=user,
        purpose=purpose,
        payload_digest=payload_digest,
        session_digest=session_digest(session_key),
        state=ChallengeState.PASSED,
        expires_at__gt=now,
    ).update(state=ChallengeState.CONSUMED, consumed_at=now)
    if not redeemed:
        raise NotRedeemable(
            "That confirmation was used already, has expired, or was for something "
            "else. Check what is on the screen and confirm again with a new code."
        )
    _check_still_good(device, user=user, purpose=purpose, now=now)


def _check_still_good(device: Device, *, user, purpose: Purpose, now: datetime) -> None:
    is_active = get_user_model().objects.filter(pk=user.pk, is_active=True).exists()
    if not is_active:
        raise NotRedeemable("This account is no longer active.")
    if device.user_id != user.pk or not is_usable(device):
        raise NotRedeemable("The device was removed or disabled in the meantime.")
    if device.locked_until and device.locked_until > now:
        raise NotRedeemable("The device was locked in the meantime.")
    if purpose == Purpose.SIGN and not device.is_primary:
        raise NotRedeemable(f"“{device}” is no longer your primary device.")


def plausible_now() -> datetime:
    """Return the time; raise NotProven when the clock cannot be right."""
    now = timezone.now()
    if now.year not in PLAUSIBLE_YEARS:
        raise NotProven("The server's clock is wrong. Tell your administrator.")
    return now


def usable(device: Device, *, kind: Kind, user, purpose: Purpose) -> Device:
    """Return the device as it is now; raise DeviceNotUsable, on record."""
    fresh = Device.objects.filter(pk=device.pk, user=user).first()
    if user.is_active and fresh and fresh.kind == kind and is_usable(fresh):
        return fresh
    reason = "device_not_usable" if fresh else "device_of_another_user"
    refuse(user, device, purpose=purpose, reason=reason)
    raise DeviceNotUsable(
        "That device cannot confirm anything. Choose one of your own devices "
        "under Account > Provider Settings > eRx Info."
    )


def is_usable(device: Device) -> bool:
    return (
        device.confirmed
        and device.kind in SIGNING_KINDS
        and device.retired_at is None
        and device.disabled_at is None
    )


def _reserve_for(
    user, device: Device, *, purpose: Purpose, now: datetime
) -> throttle.Reservation:
    reservation = None if device.is_locked else _reserve_of_user(user, now=now)
    if reservation is None:
        refuse(user, device, purpose=purpose, reason="locked")
        # By now another attempt may have lifted the lock that turned this one away.
        of_user = UserThrottle.objects.get_or_create(user=user)[0]
        locks = [of_user.locked_until, device.locked_until, now]
        raise Locked(max(until for until in locks if until))
    return reservation


def _reserve_of_user(user, *, now: datetime) -> throttle.Reservation | None:
    UserThrottle.objects.get_or_create(user=user)
    with transaction.atomic(durable=True):
        return throttle.reserve(UserThrottle.objects.filter(user=user), now=now)


def _answer(
    challenge: Challenge, *, code: str, reservation: throttle.Reservation
) -> NotProven | None:
    """Verify the code and write what came of it, in one transaction of its own."""
    user, device, now = challenge.user, challenge.device, challenge.started_at
    row = Device.objects.filter(pk=device.pk)
    with transaction.atomic(durable=True):
        own = throttle.reserve(row, now=now)
        if own is None:
            refusal: NotProven | None = Locked(row.get().locked_until or now)
            reason = "locked"
        else:
            reason, refusal = codes.verify(row.get(), code=code, now=now)
        challenge.state = ChallengeState.REFUSED if refusal else ChallengeState.PASSED
        challenge.answered_at = now
        challenge.save()
        if own:
            _settle(challenge, own, reservation, reason=reason)
            refusal = _with_lock_said(refusal, own, reason=reason)
        chain.record(
            Act.CHALLENGE_REFUSED if refusal else Act.CHALLENGE_PASSED,
            by=user,
            of=device,
            outcome=Outcome.FAILURE if refusal else Outcome.SUCCESS,
            purpose=challenge.purpose,
            challenge=str(challenge.public_id),
            **({"reason": reason} if refusal else {}),
        )
    return refusal


def _with_lock_said(
    refusal: NotProven | None, own: throttle.Reservation, *, reason: str
) -> NotProven | None:
    """Say it at once when this failure locks, and not only at the next attempt."""
    if refusal is None or reason == "used" or own.locked_until is None:
        return refusal
    wait = duration(round((own.locked_until - own.at).total_seconds()))
    return type(refusal)(f"{refusal} After so many failures, wait {wait} to try again.")


def _settle(
    challenge: Challenge,
    own: throttle.Reservation,
    of_user: throttle.Reservation,
    *,
    reason: str,
) -> None:
    """Give the reservations back after success, and keep them after a failure.

    A used code is no guess: typing it twice, or a double click, counts but does not
    lock, or else the second click would void what the first one proved.
    """
    row = Device.objects.filter(pk=challenge.device_id)
    user_row = UserThrottle.objects.filter(user=challenge.user_id)
    if reason == "":
        throttle.succeed(row, own)
        throttle.succeed(user_row, of_user)
        return
    if reason == "used":
        throttle.lift(row, own)
        throttle.lift(user_row, of_user)
    _disable_after_too_many(challenge.device, own, of_user, now=challenge.started_at)


def _disable_after_too_many(
    device: Device, *reservations: throttle.Reservation, now: datetime
) -> None:
    own, of_user = (reservation.consecutive for reservation in reservations)
    disabled: Iterable[Device] = []
    if of_user >= throttle.MOST_CONSECUTIVE_FAILURES:
        disabled = Device.objects.visible_to(device.user).usable()
    elif own >= throttle.MOST_CONSECUTIVE_FAILURES:
        disabled = [device]
    for one in disabled:
        row = Device.objects.filter(pk=one.pk)
        row.filter(is_primary=True).update(lost_primary_at=now)
        row.update(disabled_at=now, is_primary=False)
        chain.record(Act.DEVICE_DISABLED, by=device.user, of=one, reason="failures")


def void_of(user) -> None:
    """Let nothing pass or be redeemed any more that a user has asked or proven."""
    Challenge.objects.filter(
        user=user, state__in=[ChallengeState.OPEN, ChallengeState.PASSED]
    ).update(state=ChallengeState.REFUSED, answered_at=timezone.now())


def refuse(user, device: Device, *, purpose: Purpose, reason: str) -> None:
    """Put on record that a device could not confirm anything."""
    chain.record(
        Act.CHALLENGE_REFUSED,
        by=user,
        of=device,
        outcome=Outcome.FAILURE,
        purpose=purpose,
        reason=reason,
    )
