"""Device sync: apply the device list of an ID.me account, whole or not at all.

HTTP first, then one transaction; a failed sync changes nothing and says how old the
list is. Seeds are accepted from signed and encrypted userinfo only.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.timesince import timesince

from audit import chain
from audit.acts import Act, Outcome
from audit.reasons import Reason, ReasonChoices
from foundation.actors import User
from mfa import challenges, devices, totp
from mfa.idme import device_comparison, device_list, link
from mfa.idme.device_comparison import Difference
from mfa.idme.device_list import ListedDevice, Malformed
from mfa.models import Device, IdmeAccount, Source
from mfa.oidc.client import client
from mfa.oidc.errors import IdmeRefused, IdmeUnavailable
from mfa.oidc.http import shared_timeout
from mfa.oidc.provider_settings import idme_settings
from mfa.oidc.responses import Userinfo

NEEDS_NEW_SIGN_IN = (
    Reason.CODE_REFUSED,
    Reason.LOGIN_REQUIRED,
    Reason.ACCESS_DENIED,
)


class DeviceSyncUnavailable(Exception):
    """The list was not refreshed; the message says why, and how old it is."""

    reason: ReasonChoices = Reason.UNAVAILABLE

    def __init__(self, account: IdmeAccount, why: str) -> None:
        super().__init__(f"{why} {_age_of(account)}")


class NeedsSignIn(DeviceSyncUnavailable):
    """ID.me tells nothing more until the person signs in there again."""

    reason = Reason.NEEDS_SIGN_IN

    def __init__(self, account: IdmeAccount) -> None:
        super().__init__(
            account, "Sign in with ID.me again to refresh the list of devices."
        )


class DeviceListRefused(DeviceSyncUnavailable):
    """ID.me sent a list that this portal does not accept; nothing was applied."""

    def __init__(self, account: IdmeAccount, reason: ReasonChoices) -> None:
        self.reason = reason
        super().__init__(
            account,
            "ID.me sent a list of devices that this portal does not accept. "
            "Tell your administrator.",
        )


@dataclass(frozen=True)
class Changes:
    """Number of devices that a sync added and removed."""

    added: int = 0
    removed: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def __str__(self) -> str:
        if not self:
            return "Nothing has changed at ID.me."
        counts = {"added": self.added, "removed": self.removed}
        parts = [
            f"{count} {_devices(count)} {verb}"
            for verb, count in counts.items()
            if count
        ]
        return f"{', '.join(parts)}."


def refresh(account: IdmeAccount, *, by: User) -> Changes:
    """Fetch the list with the refresh token and apply it.

    Record and raise DeviceSyncUnavailable.
    """
    at = timezone.now()
    try:
        entries = _entries_in(_fetch(account, at=at), account=account)
        if entries is None:
            raise DeviceSyncUnavailable(account, "ID.me sent no list of devices.")
        return apply_list(account, entries, by=by, at=at)
    except DeviceSyncUnavailable as failure:
        _record_failure(account, by=by, reason=failure.reason)
        raise


def apply_userinfo(
    account: IdmeAccount, userinfo: Userinfo, *, by: User, at: datetime
) -> Changes:
    """Apply the list that came with a sign-in; a provider without one is no failure.

    Record and raise DeviceSyncUnavailable.
    """
    try:
        entries = _entries_in(userinfo, account=account)
        return (
            Changes() if entries is None else apply_list(account, entries, by=by, at=at)
        )
    except DeviceSyncUnavailable as failure:
        _record_failure(account, by=by, reason=failure.reason)
        raise


def _entries_in(userinfo: Userinfo, *, account: IdmeAccount) -> object | None:
    """Return the claim that lists devices, or None; raise DeviceListRefused in clear."""
    entries = userinfo.claims.get(idme_settings().claims["devices"])
    if entries is not None and not userinfo.is_sealed:
        raise DeviceListRefused(account, Reason.NOT_ENCRYPTED)
    return entries


def apply_list(
    account: IdmeAccount, entries: object, *, by: User, at: datetime
) -> Changes:
    """Apply the list that was requested at `at`; raise DeviceSyncUnavailable.

    A device keeps its nickname and primary badge while ID.me lists it; one that was
    removed here stays removed; a list older than the last one changes nothing.
    """
    try:
        listed = device_list.read(entries)
        with transaction.atomic(durable=True):
            return _apply(account, listed, by=by, at=at)
    except Malformed as problem:
        raise DeviceListRefused(account, problem.reason) from None
    except (DatabaseError, devices.DeviceChangeRefused):
        raise DeviceSyncUnavailable(
            account, "Your devices were changed at the same moment. Try again."
        ) from None


def _apply(
    account: IdmeAccount, listed: list[ListedDevice], *, by: User, at: datetime
) -> Changes:
    # One list at a time per user, and none while a primary is being selected.
    challenges.lock_user(account.user_id)
    current = IdmeAccount.objects.linked().filter(pk=account.pk).first()
    if current is None:
        raise DeviceSyncUnavailable(
            account, "The ID.me account was unlinked meanwhile."
        )
    if current.devices_refreshed_at and current.devices_refreshed_at > at:
        return Changes()
    difference = device_comparison.compare(listed, user=account.user)
    is_first = current.devices_refreshed_at is None
    _write(difference, user=account.user, by=by, notify=not is_first)
    IdmeAccount.objects.filter(pk=account.pk).update(devices_refreshed_at=at)
    account.devices_refreshed_at = at
    added, removed = len(difference.new), len(difference.vanished)
    chain.record(Act.FEED_APPLIED, by=by, of=account, added=added, removed=removed)
    return Changes(added=added, removed=removed)


def _write(difference: Difference, *, user: User, by: User, notify: bool) -> None:
    for device in difference.vanished:
        devices.retire_vanished(device, by=by)
    for entry in difference.new:
        known = difference.returning.get(entry.external_id)
        device = _add(entry, device=known or _unsaved(entry, user=user), by=by)
        if notify:
            devices.notify_added(user, nickname=device.name)


def _unsaved(entry: ListedDevice, *, user: User) -> Device:
    return Device(
        user=user,
        kind=entry.kind,
        source=Source.IDME,
        external_id=entry.external_id,
        confirmed=True,
    )


def _add(entry: ListedDevice, *, device: Device, by: User) -> Device:
    """Save a new or returning device; a returning one has to be selected again."""
    device.name = _unused_nickname(device.name or entry.name, user=device.user)
    device.retired_at, device.retired_because = None, ""
    if entry.seed is not None:
        device.set_seed(entry.seed)
        # The code just used at ID.me must not work here.
        device.last_step = totp.step_at(timezone.now().timestamp())
    device.save()
    chain.record(
        Act.DEVICE_ADDED, by=by, of=device, source=Source.IDME, kind=device.kind
    )
    return device


def _unused_nickname(wanted: str, *, user: User) -> str:
    names = Device.objects.visible_to(user).listed().values_list("name", flat=True)
    taken = {name.casefold() for name in names}
    nickname, number = wanted, 1
    while nickname.casefold() in taken:
        number += 1
        suffix = f" ({number})"
        nickname = wanted[: device_list.MAX_NAME - len(suffix)] + suffix
    return nickname


@shared_timeout()
def _fetch(account: IdmeAccount, *, at: datetime) -> Userinfo:
    refresh_token = link.usable_refresh_token(account)
    if not refresh_token:
        raise NeedsSignIn(account)
    try:
        granted = client().refresh(refresh_token)
        # A provider that rotates refresh tokens has voided the old one by now.
        link.store_refresh_token(account, granted, at=at)
        return client().userinfo_of(granted, subject=account.subject)
    except IdmeUnavailable:
        raise DeviceSyncUnavailable(
            account, "ID.me cannot be reached, so the list was not refreshed."
        ) from None
    except IdmeRefused as refusal:
        if refusal.reason in NEEDS_NEW_SIGN_IN:
            raise NeedsSignIn(account) from None
        raise DeviceSyncUnavailable(account, str(refusal)) from None


def _devices(number: int) -> str:
    return "device" if number == 1 else "devices"


def _record_failure(account: IdmeAccount, *, by: User, reason: ReasonChoices) -> None:
    chain.record(
        Act.FEED_FAILED, by=by, of=account, outcome=Outcome.FAILURE, reason=reason
    )


def _age_of(account: IdmeAccount) -> str:
    if account.devices_refreshed_at is None:
        return "The list was never refreshed."
    return f"The list is {timesince(account.devices_refreshed_at, depth=1)} old."
