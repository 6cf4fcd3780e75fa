"""Two factors, shown by the demonstration's people with the seeds that it knows."""

import time

from django.utils import timezone

from mfa import challenges, totp
from mfa.models import Challenge, Device

SESSION = "seed-demo"


def proof(device: Device, *, by, password: str, **bound_to) -> Challenge:
    # The steps until now are claimed, by the take-over or by an interrupted seeding.
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
