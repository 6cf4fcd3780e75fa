"""Two-factor proof by the people of the demonstration, whose seeds it knows."""

import time

from django.utils import timezone

from mfa import challenges, totp
from mfa.models import Challenge, Device, Intent

SESSION = "seed-demo"


def proof(intent: Intent, *, device: Device, password: str) -> Challenge:
    # Device sync or an interrupted seeding has claimed the steps until now.
    step = max(_step_now(), device.last_step) + 1
    while step > _step_now() + 1:
        time.sleep(1)
    return challenges.prove(
        intent,
        device=device,
        password=password,
        code=totp.code_at(device.seed(), step),
    )


def _step_now() -> int:
    return totp.step_at(timezone.now().timestamp())
