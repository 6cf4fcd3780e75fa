"""Resealing secrets with a new key, and burning codes after a restored backup."""

from collections.abc import Iterator

from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from mfa import totp, vault
from mfa.models import Device, DeviceQuerySet, IdmeAccount, IdmeAccountQuerySet


def reseal_all() -> int:
    """Seal every secret with the current key; return the number of secrets resealed.

    Safe to run again. The older keys may leave FIELD_KEYS once this returns 0.
    """
    with transaction.atomic(durable=True):
        stale: list[Device | IdmeAccount] = [
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
    """Burn every code that may have been used by now; return the number of devices.

    After a backup is restored, the database no longer knows which codes were used.
    """
    step = totp.step_at(timezone.now().timestamp()) + totp.MAX_OFFSET
    older = Device.objects.code_generators().filter(last_step__lt=step)
    return older.update(last_step=step)


def _stale(
    rows: DeviceQuerySet | IdmeAccountQuerySet, column: str
) -> Iterator[Device | IdmeAccount]:
    for row in rows.select_for_update():
        if not vault.is_sealed_with_current_key(getattr(row, column)):
            yield row
