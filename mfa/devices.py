"""A user's devices: nicknames, the primary device, removal."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from audit.reasons import ReasonChoices
from foundation import notices
from foundation.actors import User
from foundation.refusals import Refused
from mfa import challenges
from mfa.models import (
    Challenge,
    Device,
    Intent,
    Purpose,
    Retirement,
    Source,
)

NICKNAME_LENGTH = 64


class DeviceChangeRefused(Refused):
    """The devices were not changed; the message says why and what to do."""


def has_usable(user: User) -> bool:
    """Return True if the user has a device that can confirm an act."""
    return Device.objects.visible_to(user).usable().exists()


def primary_of(user: User) -> Device | None:
    """Return the user's usable primary device, or None."""
    return Device.objects.visible_to(user).usable().filter(is_primary=True).first()


def suggested_for(user: User) -> Device | None:
    """Return the device used last, to suggest as primary; it is never selected here."""
    return suggested_among(Device.objects.visible_to(user).usable())


def suggested_among(devices: Iterable[Device]) -> Device | None:
    """Return the usable one of these devices that was used last, or None."""
    return max(
        (device for device in devices if device.is_usable),
        key=lambda device: (
            device.last_used_at is not None,
            device.last_used_at or device.created_at,
        ),
        default=None,
    )


def notify_added(user: User, *, nickname: str) -> None:
    """Notify the owner of a new device, in the transaction that adds it."""
    notices.send(
        user,
        subject="A device was added to your account",
        template="mfa/mail/device_added.txt",
        device=nickname,
    )


def selection_digest(device: Device) -> str:
    """Return the payload digest of selecting this device as primary."""
    return challenges.digest_of("select_primary", device=str(device.public_id))


def retirement_digest(device: Device) -> str:
    """Return the payload digest of removing this device."""
    return challenges.digest_of("retire_device", device=str(device.public_id))


def clean_nickname(text: str) -> str:
    """Return a nickname without extra blanks, or raise DeviceChangeRefused."""
    nickname = " ".join(text.split())
    if not nickname or len(nickname) > NICKNAME_LENGTH:
        raise DeviceChangeRefused(
            f"Enter a nickname of 1 to {NICKNAME_LENGTH} characters."
        )
    return nickname


def rename(device: Device, *, by: User, nickname: str) -> None:
    """Change a nickname; raise DeviceChangeRefused if another device has it."""
    nickname = clean_nickname(nickname)
    try:
        with transaction.atomic(durable=True):
            renamed = Device.objects.visible_to(by).listed().filter(pk=device.pk)
            if not renamed.update(name=nickname):
                raise DeviceChangeRefused("That device is no longer in your list.")
            chain.record(Act.DEVICE_RENAMED, by=by, of=device)
    except IntegrityError:
        raise DeviceChangeRefused(
            f"You already have a device called “{nickname}”."
        ) from None


def select_primary(
    device: Device, *, by: User, challenge: Challenge, session_key: str
) -> None:
    """Make a device the primary one, on a challenge that this same device passed.

    Raise DeviceChangeRefused or NotRedeemable.
    """
    if challenge.device_id != device.pk:
        raise DeviceChangeRefused("Confirm with a code of the device that you select.")
    with transaction.atomic(durable=True):
        challenges.consume(
            challenge,
            Intent(by, Purpose.SELECT_PRIMARY, selection_digest(device), session_key),
        )
        promote(device, by=by)


def promote(device: Device, *, by: User) -> None:
    """Make a device the primary one, in the transaction of an act that proved it."""
    challenges.lock_user(by.pk)
    Device.objects.filter(user=by, is_primary=True).update(is_primary=False)
    Device.objects.filter(user=by).exclude(lost_primary_at=None).update(
        lost_primary_at=None
    )
    usable = Device.objects.visible_to(by).usable().filter(pk=device.pk)
    if not usable.update(is_primary=True):
        raise DeviceChangeRefused("That device cannot be the primary device.")
    chain.record(Act.DEVICE_PRIMARY_SELECTED, by=by, of=device)
    notices.send(
        by,
        subject="Your primary device was changed",
        template="mfa/mail/primary_selected.txt",
        device=str(device),
    )


def retire(
    device: Device,
    *,
    by: User,
    challenge: Challenge,
    session_key: str,
    new_primary: Device | None = None,
) -> None:
    """Remove a device; for the primary one, promote `new_primary`.

    Without another usable device, signing stops until a new primary is selected.
    Raise DeviceChangeRefused or NotRedeemable.
    """
    with transaction.atomic(durable=True):
        challenges.consume(
            challenge,
            Intent(by, Purpose.RETIRE_DEVICE, retirement_digest(device), session_key),
        )
        was_primary = device.pk == getattr(primary_of(by), "pk", None)
        others = Device.objects.visible_to(by).usable().exclude(pk=device.pk)
        if was_primary and new_primary is None and others.exists():
            raise DeviceChangeRefused("Choose which device takes over as primary.")
        _retire(device, by=by, because=Retirement.REMOVED)
        if was_primary and new_primary is not None:
            promote(new_primary, by=by)


def retire_lost(device: Device, *, by: User, reason: ReasonChoices) -> None:
    """Retire a lost device in the transaction of the report, without any factor.

    Every challenge of the owner ends (21 CFR 1311.125(d)(1)).
    """
    challenges.lock_user(by.pk)
    challenges.void_all(by)
    row = Device.objects.visible_to(by).filter(pk=device.pk)
    row.filter(is_primary=True).update(lost_primary_at=timezone.now())
    _retire(device, by=by, because=Retirement.REMOVED, reason=reason)


def retire_vanished(device: Device, *, by: User) -> None:
    """Retire a device that ID.me no longer lists, in the transaction of the sync.

    If it was the primary one, signing stops and the user is notified; a new primary is
    suggested on the page, never selected.
    """
    was_primary = device.is_primary
    _retire(device, by=by, because=Retirement.VANISHED)
    if was_primary:
        notices.send(
            device.user,
            subject="Your primary device is gone; signing has stopped",
            template="mfa/mail/primary_vanished.txt",
            device=str(device),
            suggested=str(suggested_for(device.user) or ""),
        )


def retire_unlinked(*, by: User) -> None:
    """Retire every device from ID.me, in the transaction that unlinks the account."""
    from_idme = Device.objects.visible_to(by).filter(source=Source.IDME)
    for device in from_idme.filter(retired_at=None):
        _retire(device, by=by, because=Retirement.UNLINKED)


def _retire(
    device: Device,
    *,
    by: User,
    because: Retirement,
    reason: ReasonChoices | None = None,
) -> None:
    now, row = timezone.now(), Device.objects.filter(pk=device.pk, retired_at=None)
    if because != Retirement.REMOVED:
        row.filter(is_primary=True).update(lost_primary_at=now)
    retired = row.update(retired_at=now, retired_because=because, is_primary=False)
    if not retired:
        raise DeviceChangeRefused("That device was removed already.")
    chain.record(Act.DEVICE_RETIRED, by=by, of=device, reason=reason or because)
