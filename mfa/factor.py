"""What a kind of device does when its owner is asked for it: one object a kind.

`mfa.apps` registers those of `mfa.factors` when the portal starts, so that the heart
imports no kind. A form and its proof ask the factor, not the kind.
"""

from collections.abc import Iterable
from typing import Protocol

from mfa.models import Challenge, Device, Intent
from mfa.refusals import DeviceNotUsable, NotProven


class Factor(Protocol):
    """A second factor: what the form asks, how it begins, how an answer is verified."""

    kind: str
    label: str
    note: str  # beside the nickname, where devices are listed to choose from
    template: str  # below the fields, where the device is the only one; or empty
    removal: str  # of what follows when such a device is removed
    asks_for_code: bool

    def begin(
        self,
        intent: Intent,
        *,
        device: Device,
        password: str | None,
        code: str,
        message: str,
    ) -> Challenge:
        """Return a challenge that has passed, or that waits for the device."""

    def latest(self, intent: Intent) -> Challenge | None:
        """Return the newest challenge that waited or waits for such a device."""

    def is_waiting(self, challenge: Challenge) -> bool:
        """Return True if the page goes on to wait for this challenge, or has it pass."""

    def answer(self, waiting: Challenge) -> Challenge:
        """Return a challenge as answered; raise NotProven while it is not."""


_factors: dict[str, Factor] = {}


def register(*factors: Factor) -> None:
    """Offer these factors; each replaces one of the same kind."""
    _factors.update({factor.kind: factor for factor in factors})


def of(device: Device) -> Factor:
    """Return the factor of a device; raise DeviceNotUsable for a kind that has none."""
    if device.kind not in _factors:
        raise DeviceNotUsable(f"“{device}” cannot confirm anything.")
    return _factors[device.kind]


def labels(devices: Iterable[Device]) -> list[str]:
    """Return the factors of some devices, in words."""
    kinds = {device.kind for device in devices}
    return [factor.label for kind, factor in _factors.items() if kind in kinds]


def latest(intent: Intent) -> tuple[Challenge | None, Challenge | None]:
    """Return (the challenge that the page waits for, the one that has just ended)."""
    for factor in _factors.values():
        if challenge := factor.latest(intent):
            is_waiting = factor.is_waiting(challenge)
            return (challenge, None) if is_waiting else (None, challenge)
    return None, None


def prove(
    intent: Intent,
    *,
    device: Device | None,
    waiting: Challenge | None,
    password: str | None,
    code: str,
    message: str,
) -> Challenge:
    """Return a challenge that has passed, or that waits or has ended without passing.

    A code given while the page waits is verified instead. Raise NotProven.
    """
    if waiting and not code:
        return of(waiting.device).answer(waiting)
    if device is None:
        raise NotProven("You have no device to confirm with. Add one on eRx Info.")
    return of(device).begin(
        intent, device=device, password=password, code=code, message=message
    )
