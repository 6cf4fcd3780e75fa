"""Care of what is sealed: another key, and codes from before a restored backup."""

from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from mfa import totp, vault
from mfa.models import Device, IdmeAccount


def reseal_all() -> int:
    """Seal every secret with the current key of FIELD_KEYS; return how many changed.

    Safe to run again. The older keys may leave FIELD_KEYS once this returns 0.
    """
    with transaction.atomic(durable=True):
        stale = [
            *_stale(Device.objects.exclude(sealed_seed=""), "sealed_seed"),
            *_stale(
                IdmeAccount.objects.exclude(sealed_refresh_token=""),
                "sealed_refresh_token",
            ),
        ]
        for row in stale:
            row.reseal()
        if stale:
            chain.record(Act.KEY_ROTATED, by=None, changed=len(stale))
    return len(stale)


def burn_current_codes() -> int:
    """Refuse every code that may have been used before now; return how many devices.

    After a backup is restored, the database no longer knows which codes were used.
    """
    step = totp.step_at(timezone.now().timestamp()) + totp.MAX_OFFSET
    older = Device.objects.code_generators().filter(last_step__lt=step)
    return older.update(last_step=step)


def _stale(rows, column: str):
    for row in rows.select_for_update():
        if not vault.is_sealed_with_current_key(getattr(row, column)):
            yield row
