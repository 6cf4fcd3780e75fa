"""What a user does with devices: name them, choose the primary one, remove them."""

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from foundation import notices
from mfa import challenges
from mfa.models import (
    Challenge,
    Device,
    Purpose,
    Retirement,
    Source,
)

NICKNAME_LENGTH = 64


class DeviceChangeRefused(Exception):
    """A device act was refused; the message says why and what to do."""


def primary_of(user) -> Device | None:
    return Device.objects.visible_to(user).usable().filter(is_primary=True).first()


def lost_primary_of(user) -> Device | None:
    """Return the device whose loss stopped signing, until another one is selected."""
    return Device.objects.visible_to(user).exclude(lost_primary_at=None).first()


def suggested_for(user) -> Device | None:
    """Return the device used last, to be suggested as primary; never chosen for them."""
    usable = Device.objects.visible_to(user).usable()
    return max(
        usable,
        key=lambda one: (
            one.last_used_at is not None,
            one.last_used_at or one.created_at,
        ),
        default=None,
    )


def selection_digest(device: Device) -> str:
    """Return what a challenge to select this device as primary is bound to."""
    return challenges.digest_of("select_primary", device=str(device.public_id))


def retirement_digest(device: Device) -> str:
    """Return what a challenge to remove this device is bound to."""
    return challenges.digest_of("retire_device", device=str(device.public_id))


def cleaned_nickname(text: str) -> str:
    """Return a nickname without stray blanks; raise DeviceChangeRefused on its length."""
    nickname = " ".join(text.split())
    if not nickname or len(nickname) > NICKNAME_LENGTH:
        raise DeviceChangeRefused(
            f"Enter a nickname of 1 to {NICKNAME_LENGTH} characters."
        )
    return nickname


def rename(device: Device, *, by, nickname: str) -> None:
    """Give a device another nickname; raise DeviceChangeRefused when the user has that one."""
    nickname = cleaned_nickname(nickname)
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
    device: Device, *, by, challenge: Challenge, session_key: str
) -> None:
    """Make a device the primary one, on proof of the password and its own code."""
    if challenge.device_id != device.pk:
        raise DeviceChangeRefused("Confirm with a code of the device that you select.")
    with transaction.atomic(durable=True):
        challenges.consume(
            challenge,
            user=by,
            purpose=Purpose.SELECT_PRIMARY,
            payload_digest=selection_digest(device),
            session_key=session_key,
        )
        promote(device, by=by)


def promote(device: Device, *, by) -> None:
    """Make a device the only primary, in the transaction of an act that proved it."""
    get_user_model().objects.select_for_update(no_key=True).get(pk=by.pk)
    Device.objects.filter(user=by, is_primary=True).update(is_primary=False)
    Device.objects.filter(user=by).exclude(lost_primary_at=None).update(
        lost_primary_at=None
    )
    chosen = Device.objects.visible_to(by).usable().filter(pk=device.pk)
    if not chosen.update(is_primary=True):
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
    by,
    challenge: Challenge,
    session_key: str,
    new_primary: Device | None = None,
) -> None:
    """Remove a device; removing the primary one names its successor, if there is one.

    Without a successor nothing can be signed until another primary is selected.
    """
    with transaction.atomic(durable=True):
        challenges.consume(
            challenge,
            user=by,
            purpose=Purpose.RETIRE_DEVICE,
            payload_digest=retirement_digest(device),
            session_key=session_key,
        )
        was_primary = device.pk == getattr(primary_of(by), "pk", None)
        others = Device.objects.visible_to(by).usable().exclude(pk=device.pk)
        if was_primary and new_primary is None and others.exists():
            raise DeviceChangeRefused("Choose which device takes over as primary.")
        _retire(device, by=by, because=Retirement.REMOVED)
        if was_primary and new_primary is not None:
            promote(new_primary, by=by)


def retire_lost(device: Device, *, by, reason: str) -> None:
    """Retire a lost device in the transaction of the report, without any factor.

    Nothing that was proven with any device stays good (21 CFR 1311.125(d)(1)).
    """
    get_user_model().objects.select_for_update(no_key=True).get(pk=by.pk)
    now, own = timezone.now(), Device.objects.visible_to(by).filter(pk=device.pk)
    challenges.void_of(by)
    own.filter(is_primary=True).update(lost_primary_at=now)
    _retire(device, by=by, because=Retirement.REMOVED, reason=reason)


def retire_vanished(device: Device, *, by) -> None:
    """Retire a device that ID.me no longer lists, in the transaction of the feed.

    If it was the primary one, signing stops and the user is told; the next one is
    suggested on the page, never chosen.
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


def retire_unlinked(*, by) -> None:
    """Retire what came from ID.me, in the transaction that unlinks the account."""
    kept = Device.objects.visible_to(by).filter(source=Source.IDME, retired_at=None)
    for device in kept:
        _retire(device, by=by, because=Retirement.UNLINKED)


def _retire(
    device: Device, *, by, because: Retirement, reason: str | None = None
) -> None:
    now, kept = timezone.now(), Device.objects.filter(pk=device.pk, retired_at=None)
    if because != Retirement.REMOVED:
        kept.filter(is_primary=True).update(lost_primary_at=now)
    retired = kept.update(retired_at=now, retired_because=because, is_primary=False)
    if not retired:
        raise DeviceChangeRefused("That device was removed already.")
    chain.record(Act.DEVICE_RETIRED, by=by, of=device, reason=reason or because)
