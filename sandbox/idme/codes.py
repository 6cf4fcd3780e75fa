"""Six-digit codes of 30 seconds (RFC 6238), each accepted once."""

import re
import time

import pyotp

from sandbox.idme.models import Account, Device

PERIOD = 30  # seconds
_CODE = re.compile(r"[0-9]{6}", re.ASCII)


def accept(device: Device, code: str) -> bool:
    """Say whether the code is the device's, give or take a step; use it up."""
    if not _CODE.fullmatch(code):
        return False
    now = int(time.time()) // PERIOD
    steps = [step for step in (now - 1, now, now + 1) if _code_at(device, step) == code]
    if not steps:
        return False
    unused = Device.objects.filter(pk=device.pk, last_step__lt=steps[-1])
    return unused.update(last_step=steps[-1]) == 1


def on_phone(account: Account) -> list[dict]:
    """Return what the account's phone shows now: every code generator's code."""
    generators = account.devices.code_generators()
    held = {
        generator.secret: generator.name
        for generator in generators
        if generator.confirmed_at or generator.is_installed
    }
    for added in account.phone_accounts.all():
        held.setdefault(added.secret, added.name)
    now = time.time()
    return [
        {
            "name": name,
            "code": pyotp.TOTP(secret).at(now),
            "seconds_left": PERIOD - int(now) % PERIOD,
        }
        for secret, name in held.items()
    ]


def key_of(text: str) -> tuple[str, str]:
    """Return the secret and the name in an otpauth:// address or a typed key."""
    if text.lower().startswith("otpauth://"):
        parsed = pyotp.parse_uri(text)
        if not isinstance(parsed, pyotp.TOTP):
            raise ValueError("This address is not one of a code generator.")
        name = f"{parsed.issuer}: {parsed.name}" if parsed.issuer else parsed.name
        return parsed.secret.upper(), name
    secret = "".join(text.split()).upper().replace("-", "")
    pyotp.TOTP(secret).now()
    return secret, ""


def _code_at(device: Device, step: int) -> str:
    return pyotp.TOTP(device.secret).at(step * PERIOD)
