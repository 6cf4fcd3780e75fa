"""Two-factor proof by the people of the demonstration, whose seeds it knows."""

import time
from typing import Any

from django.utils import timezone

from foundation.actors import User
from mfa import challenges, totp
from mfa.models import Challenge, Device

SESSION = "seed-demo"


def proof(device: Device, *, by: User, password: str, **bound_to: Any) -> Challenge:
    # Device sync or an interrupted seeding has claimed the steps until now.
    step = max(_step_now(), device.last_step) + 1
    while step > _step_now() + 1:
        time.sleep(1)
    return challenges.prove(
        by,
        device=device,
        password=password,
        code=totp.code_at(device.seed(), step),
        session_key=SESSION,
        **bound_to,
    )


def _step_now() -> int:
    return totp.step_at(timezone.now().timestamp())
