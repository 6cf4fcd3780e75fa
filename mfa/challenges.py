"""Challenges: the only way anything sensitive is authorized.

Two factors, for one content, once. `prove` asks for the password and a code
(`mfa.push.pushes` asks a phone instead); `consume` redeems the challenge inside the
transaction of the act. 21 CFR 1311.115(a), 1311.120(b)(5), (11); RFC 6238 5.2.
"""

import hashlib
from datetime import datetime

import rfc8785
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from audit import chain
from audit.acts import Act, Outcome
from audit.catalog import Detail
from audit.reasons import Reason, ReasonChoices
from foundation.actors import User
from foundation.refusals import duration
from mfa import codes, throttle
from mfa.models import (
    Challenge,
    ChallengeQuerySet,
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
)
from mfa.throttle import Reservation

PLAUSIBLE_YEARS = range(2024, 2100)


def digest_of(act: str, **facts: str) -> str:
    """Return the payload digest of an act other than signing: SHA-256 of RFC 8785."""
    return hashlib.sha256(rfc8785.dumps({"act": act, **facts})).hexdigest()


@sensitive_variables("password", "code")
def prove(
    user: User,
    *,
    device: Device,
    purpose: Purpose,
    payload_digest: str,
    password: str | None,
    code: str,
    session_key: str,
) -> Challenge:
    """Check password and code; return a challenge passed for this content.

    The password is None if a push that began with it still waits. Raise NotProven. The
    outcome is committed on its own: no rollback gives back a guess or a used code.
    """
    now = plausible_now()
    device = require_usable(
        device, kind=Kind.CODE_GENERATOR, user=user, purpose=purpose
    )
    reservation = _reserve(user, device, purpose=purpose, now=now)
    _check_password(user, device, purpose=purpose, password=password)
    challenge = Challenge(
        user=user,
        device=device,
        purpose=purpose,
        payload_digest=payload_digest,
        session_digest=session_digest(session_key),
    )
    _answer(challenge, code=code, of_user=reservation, now=now)
    return challenge


@sensitive_variables("password")
def confirm_password(user: User, *, password: str) -> None:
    """Check a session owner's password under the same limit as `prove`.

    Every page that tells a correct password from a wrong one uses it. Raise Locked or
    PasswordRefused.
    """
    now = timezone.now()
    row = UserThrottle.objects.filter(user=user)
    reservation = _reserve_user(user, now=now)
    if reservation is None:
        _record_password_refusal(user, reason=Reason.LOCKED)
        raise Locked(row.get().locked_until or now)
    if not user.check_password(password):
        _record_password_refusal(user, reason=Reason.PASSWORD)
        raise PasswordRefused("The password is wrong.")
    # One factor alone does not end a series of failures.
    throttle.release(row, reservation)


def consume(
    challenge: Challenge,
    *,
    user: User,
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
    device = lock_user_and_device(user.pk, challenge.device_id)
    bound = Challenge.objects.bound_to(
        user, purpose=purpose, payload_digest=payload_digest, session_key=session_key
    )
    _redeem(bound.filter(pk=challenge.pk), now=now)
    _check_still_valid(device, user=user, purpose=purpose, now=now)


def void_all(user: User) -> None:
    """End every challenge of a user that is open, or passed and not redeemed."""
    Challenge.objects.filter(
        user=user, state__in=[ChallengeState.OPEN, ChallengeState.PASSED]
    ).update(state=ChallengeState.REFUSED, answered_at=timezone.now())


def plausible_now() -> datetime:
    """Return the time; raise NotProven when the clock cannot be right."""
    now = timezone.now()
    if now.year not in PLAUSIBLE_YEARS:
        raise NotProven("The server's clock is wrong. Tell your administrator.")
    return now


def require_usable(
    device: Device, *, kind: Kind, user: User, purpose: Purpose
) -> Device:
    """Return the device as it is now; record and raise DeviceNotUsable."""
    current = Device.objects.filter(pk=device.pk, user=user).first()
    if user.is_active and current and current.kind == kind and current.is_usable:
        return current
    reason = Reason.DEVICE_NOT_USABLE if current else Reason.DEVICE_OF_ANOTHER_USER
    record_refusal(user, device, purpose=purpose, reason=reason)
    raise DeviceNotUsable(
        "That device cannot confirm anything. Choose one of your own devices "
        "under Account > Provider Settings > eRx Info."
    )


def lock_user(user_pk: int) -> None:
    """Lock a user's row, the first lock of every act, so that no two acts deadlock."""
    get_user_model().objects.select_for_update(no_key=True).get(pk=user_pk)


def lock_user_and_device(user_pk: int, device_pk: int) -> Device:
    """Lock a user's row, then a device's; return the device as it is now."""
    lock_user(user_pk)
    return Device.objects.select_for_update(no_key=True).get(pk=device_pk)


def record_refusal(
    user: User, device: Device, *, purpose: Purpose, reason: ReasonChoices
) -> None:
    """Record that a device could not confirm anything."""
    chain.record(
        Act.CHALLENGE_REFUSED,
        by=user,
        of=device,
        outcome=Outcome.FAILURE,
        purpose=purpose,
        reason=reason,
    )


def _record_password_refusal(user: User, *, reason: ReasonChoices) -> None:
    chain.record(Act.CHALLENGE_REFUSED, by=user, outcome=Outcome.FAILURE, reason=reason)


@sensitive_variables("password")
def _check_password(
    user: User, device: Device, *, purpose: Purpose, password: str | None
) -> None:
    if password is not None and not user.check_password(password):
        record_refusal(user, device, purpose=purpose, reason=Reason.PASSWORD)
        raise PasswordRefused("The password is wrong. The code was not used.")


def _redeem(row: ChallengeQuerySet, *, now: datetime) -> None:
    passed = row.filter(state=ChallengeState.PASSED, expires_at__gt=now)
    if not passed.update(state=ChallengeState.CONSUMED, consumed_at=now):
        raise NotRedeemable(
            "That confirmation was used already, has expired, or was for something "
            "else. Check what is on the screen and confirm again with a new code."
        )


def _check_still_valid(
    device: Device, *, user: User, purpose: Purpose, now: datetime
) -> None:
    is_active = get_user_model().objects.filter(pk=user.pk, is_active=True).exists()
    if not is_active:
        raise NotRedeemable("This account is no longer active.")
    if device.user_id != user.pk or not device.is_usable:
        raise NotRedeemable("The device was removed or disabled in the meantime.")
    if device.locked_until and device.locked_until > now:
        raise NotRedeemable("The device was locked in the meantime.")
    if purpose == Purpose.SIGN and not device.is_primary:
        raise NotRedeemable(f"“{device}” is no longer your primary device.")


def _reserve(
    user: User, device: Device, *, purpose: Purpose, now: datetime
) -> Reservation:
    reservation = None if device.is_locked else _reserve_user(user, now=now)
    if reservation is None:
        record_refusal(user, device, purpose=purpose, reason=Reason.LOCKED)
        # By now another attempt may have lifted the lock that refused this one.
        user_throttle = UserThrottle.objects.get_or_create(user=user)[0]
        locks = [user_throttle.locked_until, device.locked_until, now]
        raise Locked(max(until for until in locks if until))
    return reservation


def _reserve_user(user: User, *, now: datetime) -> Reservation | None:
    UserThrottle.objects.get_or_create(user=user)
    with transaction.atomic(durable=True):
        return throttle.reserve(UserThrottle.objects.filter(user=user), now=now)


@sensitive_variables("code")
def _answer(
    challenge: Challenge, *, code: str, of_user: Reservation, now: datetime
) -> None:
    """Verify the code and write the outcome in a transaction of its own."""
    row = Device.objects.filter(pk=challenge.device_id)
    with transaction.atomic(durable=True):
        of_device = throttle.reserve(row, now=now)
        refusal = _verify(row.get(), code=code, is_locked=of_device is None, now=now)
        _save_outcome(challenge, refusal, now=now)
        if of_device:
            throttle.settle(
                challenge.device, refusal, of_device=of_device, of_user=of_user
            )
        _record_outcome(challenge, refusal)
    if refusal and of_device:
        refusal = _announce_lock(refusal, of_device)
    if refusal:
        raise refusal


@sensitive_variables("code")
def _verify(
    device: Device, *, code: str, is_locked: bool, now: datetime
) -> NotProven | None:
    if is_locked:
        return Locked(device.locked_until or now)
    return codes.verify(device, code=code, now=now)


def _save_outcome(
    challenge: Challenge, refusal: NotProven | None, *, now: datetime
) -> None:
    challenge.state = ChallengeState.REFUSED if refusal else ChallengeState.PASSED
    challenge.started_at = challenge.answered_at = now
    challenge.expires_at = now + Challenge.CONSUME_WITHIN
    challenge.save()


def _record_outcome(challenge: Challenge, refusal: NotProven | None) -> None:
    detail: Detail = {
        "purpose": challenge.purpose,
        "challenge": str(challenge.public_id),
    }
    if refusal:
        detail["reason"] = refusal.reason
    chain.record(
        Act.CHALLENGE_REFUSED if refusal else Act.CHALLENGE_PASSED,
        by=challenge.user,
        of=challenge.device,
        outcome=Outcome.FAILURE if refusal else Outcome.SUCCESS,
        **detail,
    )


def _announce_lock(refusal: NotProven, of_device: Reservation) -> NotProven:
    """Return the refusal with the lock it brought, which would else surprise later."""
    if refusal.reason == Reason.USED or of_device.locked_until is None:
        return refusal
    wait = duration(round((of_device.locked_until - of_device.at).total_seconds()))
    return type(refusal)(
        f"{refusal} After so many failures, wait {wait} to try again.",
        reason=refusal.reason,
    )
