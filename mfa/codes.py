"""What a typed code is worth: right and new, or what is known of why it is not.

RFC 6238 5.2: a code works once. Called by `mfa.challenges` alone, which reserves the
attempt first and holds the transaction.
"""

from datetime import datetime

from mfa import totp, vault
from mfa.models import Device
from mfa.refusals import CodeRefused, DeviceNotUsable, NotProven


def verify(device: Device, *, code: str, now: datetime) -> tuple[str, NotProven | None]:
    """Claim a right code and return nothing; else a reason and what to say."""
    if not totp.is_well_formed(code):
        return "malformed", CodeRefused("Enter the 6 digits of the code, nothing else.")
    try:
        seed = device.seed()
    except vault.CannotUnseal:
        return "seed_unreadable", DeviceNotUsable(
            f"The secret of “{device}” cannot be read. Remove this device and add it again."
        )
    current = totp.step_at(now.timestamp())
    steps = totp.acceptable_steps(current, offset=device.clock_offset)
    step = totp.matching_step(seed, code, steps=steps)
    if step is not None and step != device.burned_step and _claim(device, step=step):
        Device.objects.filter(pk=device.pk).update(
            clock_offset=step - current, last_used_at=now
        )
        return "", None
    if step is not None:
        return "used", CodeRefused(
            f"That code of “{device}” was used already. "
            f"Wait {_until_next(now)} for the next one."
        )
    return _diagnose(device, seed=seed, code=code, current=current, now=now)


def _claim(device: Device, *, step: int) -> bool:
    """Make a step this caller's; exactly one of any number of callers gets it."""
    claimed = Device.objects.filter(pk=device.pk, last_step__lt=step)
    return claimed.update(last_step=step) == 1


def _diagnose(
    device: Device, *, seed: bytes, code: str, current: int, now: datetime
) -> tuple[str, NotProven]:
    """Say what is known of a wrong code, after a right password; burn what it matched."""
    wider = range(-totp.DIAGNOSIS_WINDOW, totp.DIAGNOSIS_WINDOW + 1)
    around = [current + delta for delta in wider if current + delta >= 0]
    step = totp.matching_step(seed, code, steps=around)
    if step is not None:
        Device.objects.filter(pk=device.pk).update(burned_step=step)
        off = abs(step - current) * totp.PERIOD
        direction = "fast" if step > current else "slow"
        return "clock", CodeRefused(
            f"That code is not current: the clock of “{device}” is about {off} seconds "
            f"{direction}, or the code is old. Turn on automatic date and time on it, "
            "then use a new code."
        )
    if other := _other_device_of(device, code=code, current=current):
        return "other_device", CodeRefused(
            f"That is the code of “{other}”. The code of “{device}” is wanted. "
            f"Wait {_until_next(now)} for the next one, or choose “{other}”."
        )
    return "wrong", CodeRefused(f"That is not the current code of “{device}”.")


def _other_device_of(device: Device, *, code: str, current: int) -> Device | None:
    others = Device.objects.visible_to(device.user).code_generators()
    for other in others.exclude(pk=device.pk):
        step = _step_of(other, code=code, current=current)
        if step is not None:
            _claim(other, step=step)
            return other
    return None


def _step_of(device: Device, *, code: str, current: int) -> int | None:
    try:
        seed = device.seed()
    except vault.CannotUnseal:
        return None
    steps = totp.acceptable_steps(current, offset=device.clock_offset)
    return totp.matching_step(seed, code, steps=steps)


def _until_next(now: datetime) -> str:
    seconds = totp.PERIOD - int(now.timestamp()) % totp.PERIOD
    return f"{seconds} second{'s' if seconds > 1 else ''}"
