"""Challenges: the only way anything sensitive is authorized.

Two factors, for one content, once. `prove` asks for the password and a code
(`mfa.push.pushes` asks a phone instead); `consume` redeems the challenge inside the
transaction of the act. 21 CFR 1311.115(a), 1311.120(b)(5), (11); RFC 6238 5.2.
"""

import hashlib
from datetime import datetime

import rfc8785
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import verify_password
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from audit import chain
from audit.acts import Act, Outcome
from audit.catalog import Detail
from audit.reasons import Reason, ReasonChoices
from foundation.actors import User
from foundation.refusals import duration
from foundation.statements import fetch
from mfa import codes, throttle
from mfa.models import (
    Challenge,
    ChallengeQuerySet,
    ChallengeState,
    Device,
    DeviceQuerySet,
    Intent,
    Kind,
    Purpose,
    UserThrottle,
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
    intent: Intent, *, device: Device, password: str | None, code: str
) -> Challenge:
    """Check password and code; return a challenge passed for this intent.

    The password is None if a push that began with it still waits. Raise NotProven. The
    outcome is committed on its own: no rollback gives back a guess or a used code.
    """
    now, user, purpose = plausible_now(), intent.user, intent.purpose
    own, throttles = fetch(_own(device, user=user), throttle.of(user))
    current = _usable(own, kind=Kind.CODE_GENERATOR, user=user)
    if current is None:
        raise _not_usable(device, is_own=bool(own), user=user, purpose=purpose)
    if any(row.is_locked for row in [current, *throttles]):
        record_refusal(user, device, purpose=purpose, reason=Reason.LOCKED)
        raise _locked(user, device, now=now)
    is_owner = password is None or _is_password(password, user=user)
    challenge = intent.challenge(device)
    if refusal := _answer(challenge, is_owner=is_owner, code=code, now=now):
        raise refusal
    return challenge


@sensitive_variables("password")
def confirm_password(user: User, *, password: str) -> None:
    """Check a session owner's password under the same limit as `prove`.

    Every page that tells a correct password from a wrong one uses it. Raise Locked or
    PasswordRefused.
    """
    now = timezone.now()
    if any(row.is_locked for row in throttle.of(user)):
        _record_password_refusal(user, reason=Reason.LOCKED)
        raise _locked(user, now=now)
    is_owner = _is_password(password, user=user)
    if refusal := _settle_password(user, is_owner=is_owner, now=now):
        raise refusal


def consume(challenge: Challenge, intent: Intent) -> None:
    """Redeem a challenge passed for this intent, once, in the caller's transaction.

    Everything is read again: what was true when the device answered is not enough.
    Raise NotRedeemable; the caller's transaction must then roll back.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Redeem a challenge in the transaction of the act.")
    now = timezone.now()
    owner, device = lock_user_and_device(intent.user.pk, challenge.device_id)
    _redeem(Challenge.objects.bound_to(intent).filter(pk=challenge.pk), now=now)
    _check_still_valid(device, owner=owner, purpose=intent.purpose, now=now)


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
    own = list(_own(device, user=user))
    current = _usable(own, kind=kind, user=user)
    if current is None:
        raise _not_usable(device, is_own=bool(own), user=user, purpose=purpose)
    return current


def lock_user(user_pk: int) -> User:
    """Lock a user's row, the first lock of every act, so that no two acts deadlock.

    Return the user as they are now.
    """
    return get_user_model().objects.select_for_update(no_key=True).get(pk=user_pk)


def lock_user_and_device(user_pk: int, device_pk: int) -> tuple[User, Device]:
    """Lock a user's row, then a device's; return both as they are now."""
    user = lock_user(user_pk)
    return user, Device.objects.select_for_update(no_key=True).get(pk=device_pk)


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


def _own(device: Device, *, user: User) -> DeviceQuerySet:
    return Device.objects.filter(pk=device.pk, user=user)


def _usable(own: list[Device], *, kind: Kind, user: User) -> Device | None:
    device = own[0] if own else None
    if user.is_active and device and device.kind == kind and device.is_usable:
        return device
    return None


def _not_usable(
    device: Device, *, is_own: bool, user: User, purpose: Purpose
) -> DeviceNotUsable:
    reason = Reason.DEVICE_NOT_USABLE if is_own else Reason.DEVICE_OF_ANOTHER_USER
    record_refusal(user, device, purpose=purpose, reason=reason)
    return DeviceNotUsable(
        "That device cannot confirm anything. Choose one of your own devices "
        "under Account > Provider Settings > eRx Info."
    )


def _record_password_refusal(user: User, *, reason: ReasonChoices) -> None:
    chain.record(Act.CHALLENGE_REFUSED, by=user, outcome=Outcome.FAILURE, reason=reason)


@sensitive_variables("password")
def _is_password(password: str, *, user: User) -> bool:
    """Return True for the user's password, as expensive as its hash.

    `check_password` would write an outdated hash again, which ends every session of the
    user in the middle of the act; signing in does that.
    """
    return verify_password(password, user.password)[0]


def _settle_password(user: User, *, is_owner: bool, now: datetime) -> NotProven | None:
    with transaction.atomic(durable=True):
        reservation = throttle.reserve(throttle.of(user), now=now)
        if reservation is None:
            _record_password_refusal(user, reason=Reason.LOCKED)
            return _locked(user, now=now)
        if not is_owner:
            _record_password_refusal(user, reason=Reason.PASSWORD)
            return PasswordRefused("The password is wrong.")
        # One factor alone does not end a series of failures.
        throttle.release(reservation)
    return None


def _redeem(row: ChallengeQuerySet, *, now: datetime) -> None:
    passed = row.filter(state=ChallengeState.PASSED, expires_at__gt=now)
    if not passed.update(state=ChallengeState.CONSUMED, consumed_at=now):
        raise NotRedeemable(
            "That confirmation was used already, has expired, or was for something "
            "else. Check what is on the screen and confirm again with a new code."
        )


def _check_still_valid(
    device: Device, *, owner: User, purpose: Purpose, now: datetime
) -> None:
    if not owner.is_active:
        raise NotRedeemable("This account is no longer active.")
    if device.user_id != owner.pk or not device.is_usable:
        raise NotRedeemable("The device was removed or disabled in the meantime.")
    if device.locked_until and device.locked_until > now:
        raise NotRedeemable("The device was locked in the meantime.")
    if purpose == Purpose.SIGN and not device.is_primary:
        raise NotRedeemable(f"“{device}” is no longer your primary device.")


def _locked(user: User, *devices: Device, now: datetime) -> Locked:
    """Return the refusal; by now, another attempt may have lifted the lock."""
    # An account without its row proves nothing this time, and has one the next time.
    of_user = UserThrottle.objects.get_or_create(user=user)[0]
    of_devices = Device.objects.filter(pk__in=[device.pk for device in devices])
    locks = [row.locked_until for row in [of_user, *of_devices]]
    return Locked(max(until for until in [*locks, now] if until))


@sensitive_variables("code")
def _answer(
    challenge: Challenge, *, is_owner: bool, code: str, now: datetime
) -> NotProven | None:
    """Reserve, claim, settle and record in one transaction; return the refusal.

    A process killed before its end has counted, claimed and recorded nothing.
    """
    user, device = challenge.user, challenge.device
    with transaction.atomic(durable=True):
        lock_user(user.pk)
        attempt = throttle.attempt(user, device, now=now)
        if attempt is None:
            _record_unverified(challenge, reason=Reason.LOCKED)
            return _locked(user, device, now=now)
        if not is_owner:
            # A wrong password is a guess at the user, not at the device.
            throttle.release(attempt.of_device)
            _record_unverified(challenge, reason=Reason.PASSWORD)
            return PasswordRefused("The password is wrong. The code was not used.")
        refusal = codes.verify(attempt.device, code=code, now=now)
        throttle.settle(attempt, refusal)
        _save_outcome(challenge, refusal, now=now)
        _record_outcome(challenge, refusal)
    return _announce_lock(refusal, attempt.of_device) if refusal else None


def _record_unverified(challenge: Challenge, *, reason: ReasonChoices) -> None:
    record_refusal(
        challenge.user,
        challenge.device,
        purpose=Purpose(challenge.purpose),
        reason=reason,
    )


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


def _announce_lock(refusal: NotProven, of_device: Reservation[Device]) -> NotProven:
    """Return the refusal with the lock it brought, which would else surprise later."""
    if refusal.reason == Reason.USED or of_device.locked_until is None:
        return refusal
    wait = duration(round((of_device.locked_until - of_device.at).total_seconds()))
    return type(refusal)(
        f"{refusal} After so many failures, wait {wait} to try again.",
        reason=refusal.reason,
    )
