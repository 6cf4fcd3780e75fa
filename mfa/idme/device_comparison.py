"""Comparison of ID.me's device list with the devices of its user."""

import hmac
from dataclasses import dataclass

from audit.reasons import Reason
from foundation.actors import User
from mfa import vault
from mfa.idme.device_list import ListedDevice, Malformed
from mfa.models import Device, Retirement, Source


@dataclass(frozen=True)
class Difference:
    """What a list changes; `returning` maps ids of new entries to known devices."""

    new: list[ListedDevice]
    returning: dict[str, Device]
    vanished: list[Device]


def compare(listed: list[ListedDevice], *, user: User) -> Difference:
    """Return what the list changes for its user; nothing is written.

    What was removed in the portal stays removed, under its old id or with its old seed.
    Raise Malformed if a new entry has the seed of another device, of any user.
    """
    current = _current(user)
    same = {
        entry.external_id
        for entry in listed
        if (device := current.get(entry.external_id)) and _is_same(device, entry)
    }
    new = [
        entry
        for entry in _without_removed(listed, user=user, current=current)
        if entry.external_id not in same
    ]
    returning = _returning(new, user=user)
    _require_own_seeds([entry for entry in new if entry.external_id not in returning])
    return Difference(
        new=new,
        returning=returning,
        vanished=[device for id_, device in current.items() if id_ not in same],
    )


def _current(user: User) -> dict[str, Device]:
    from_idme = Device.objects.visible_to(user).filter(source=Source.IDME)
    return {device.external_id: device for device in from_idme.filter(retired_at=None)}


def _without_removed(
    listed: list[ListedDevice], *, user: User, current: dict[str, Device]
) -> list[ListedDevice]:
    removed = Device.objects.visible_to(user).filter(retired_because=Retirement.REMOVED)
    ids = set(removed.values_list("external_id", flat=True)) - set(current)
    fingerprints = set(removed.values_list("seed_fingerprint", flat=True))
    return [
        entry
        for entry in listed
        if entry.external_id not in ids
        and (not entry.seed or vault.fingerprint(entry.seed) not in fingerprints)
    ]


def _is_same(device: Device, entry: ListedDevice) -> bool:
    """Compare the seeds themselves: fingerprints change when keys are rotated."""
    if device.kind != entry.kind:
        return False
    if entry.seed is None:
        return True
    try:
        return hmac.compare_digest(device.seed(), entry.seed)
    except vault.CannotUnseal:
        return False


def _returning(new: list[ListedDevice], *, user: User) -> dict[str, Device]:
    """Return the devices that ID.me lists again, unchanged, by external id."""
    gone = Device.objects.visible_to(user).filter(
        source=Source.IDME,
        retired_because__in=[Retirement.VANISHED, Retirement.UNLINKED],
    )
    returning: dict[str, Device] = {}
    for entry in new:
        candidates = gone.filter(external_id=entry.external_id)
        for device in candidates:
            if _is_same(device, entry):
                returning.setdefault(entry.external_id, device)
    return returning


def _require_own_seeds(new: list[ListedDevice]) -> None:
    """Raise Malformed if a seed is on another device, of any user.

    Two devices with one seed are one device: its codes would pass for both.
    """
    fingerprints = {vault.fingerprint(entry.seed) for entry in new if entry.seed}
    others = Device.objects.exclude(retired_because=Retirement.UNLINKED)
    if others.filter(seed_fingerprint__in=fingerprints).exists():
        raise Malformed(Reason.SEED_OF_ANOTHER_DEVICE)
