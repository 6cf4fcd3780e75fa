"""Verification of a typed code: correct and new, or what is known about why not.

RFC 6238 5.2: a code works once. Called by `mfa.challenges` alone, which reserves the
attempt first and holds the transaction. Refusals are returned, not raised: a traceback
from here would carry the seed.
"""

from datetime import datetime

from audit.reasons import Reason
from mfa import totp, vault
from mfa.models import Device
from mfa.refusals import CodeRefused, DeviceNotUsable, NotProven

MALFORMED = "Enter the 6 digits of the code, nothing else."


def verify(device: Device, *, code: str, now: datetime) -> NotProven | None:
    """Claim a correct code and return None, or return the refusal."""
    if not totp.is_well_formed(code):
        return CodeRefused(MALFORMED, reason=Reason.MALFORMED)
    try:
        seed = device.seed()
    except vault.CannotUnseal:
        return _unreadable(device)
    current = totp.step_at(now.timestamp())
    step = _acceptable_step(device, seed=seed, code=code, current=current)
    if step is None:
        return _diagnose(device, seed=seed, code=code, now=now)
    drift = step - current
    if step == device.burned_step or not _claim(
        device, step=step, clock_offset=drift, last_used_at=now
    ):
        return _used(device, now=now)
    return None


def _acceptable_step(
    device: Device, *, seed: bytes, code: str, current: int
) -> int | None:
    steps = totp.acceptable_steps(current, offset=device.clock_offset)
    return totp.matching_step(seed, code, steps=steps)


def _claim(device: Device, *, step: int, **use: object) -> bool:
    """Claim a step for this caller; of any number of callers, exactly one gets it."""
    unclaimed = Device.objects.filter(pk=device.pk, last_step__lt=step)
    return unclaimed.update(last_step=step, **use) == 1


def _diagnose(device: Device, *, seed: bytes, code: str, now: datetime) -> NotProven:
    """Return what is known about a wrong code, and burn the code that it matched."""
    current = totp.step_at(now.timestamp())
    window = range(-totp.DIAGNOSIS_WINDOW, totp.DIAGNOSIS_WINDOW + 1)
    steps = [current + delta for delta in window if current + delta >= 0]
    step = totp.matching_step(seed, code, steps=steps)
    if step is not None:
        Device.objects.filter(pk=device.pk).update(burned_step=step)
        return _clock_off(device, steps=step - current)
    if other := _device_showing(code, device=device, current=current):
        return CodeRefused(
            f"That is the code of “{other}”. The code of “{device}” is wanted. "
            f"Wait {_until_next(now)} for the next one, or choose “{other}”.",
            reason=Reason.OTHER_DEVICE,
        )
    return CodeRefused(
        f"That is not the current code of “{device}”.", reason=Reason.WRONG
    )


def _device_showing(code: str, *, device: Device, current: int) -> Device | None:
    """Return the user's other device whose code this is, and claim the code."""
    others = Device.objects.filter(user=device.user_id).code_generators()
    for other in others.exclude(pk=device.pk):
        try:
            seed = other.seed()
        except vault.CannotUnseal:
            continue
        step = _acceptable_step(other, seed=seed, code=code, current=current)
        if step is not None:
            _claim(other, step=step)
            return other
    return None


def _unreadable(device: Device) -> DeviceNotUsable:
    return DeviceNotUsable(
        f"The secret of “{device}” cannot be read. Remove this device and add it again.",
        reason=Reason.SEED_UNREADABLE,
    )


def _used(device: Device, *, now: datetime) -> CodeRefused:
    return CodeRefused(
        f"That code of “{device}” was used already. "
        f"Wait {_until_next(now)} for the next one.",
        reason=Reason.USED,
    )


def _clock_off(device: Device, *, steps: int) -> CodeRefused:
    seconds = abs(steps) * totp.PERIOD
    direction = "fast" if steps > 0 else "slow"
    return CodeRefused(
        f"That code is not current: the clock of “{device}” is about {seconds} seconds "
        f"{direction}, or the code is old. Turn on automatic date and time on it, "
        "then use a new code.",
        reason=Reason.CLOCK,
    )


def _until_next(now: datetime) -> str:
    seconds = totp.PERIOD - int(now.timestamp()) % totp.PERIOD
    return f"{seconds} second{'s' if seconds > 1 else ''}"
