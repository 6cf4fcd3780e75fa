"""The device list of an ID.me account, taken over as it is or not at all.

HTTP first, then one transaction; a failed refresh changes nothing and says how old
the list is. Seeds are accepted from signed and encrypted userinfo only.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.timesince import timesince

from audit import chain
from audit.acts import Act, Outcome
from foundation import notices
from mfa import devices, totp, vault
from mfa.idme import device_list, link
from mfa.idme.device_list import Listed, Malformed
from mfa.models import Device, IdmeAccount, Retirement, Source
from mfa.oidc.client import client
from mfa.oidc.errors import IdmeRefused, IdmeUnavailable
from mfa.oidc.http import shared_timeout
from mfa.oidc.responses import Userinfo


class DeviceSyncUnavailable(Exception):
    """The list was not refreshed and is as it was; the message says how old it is."""

    reason = "unavailable"

    def __init__(self, account: IdmeAccount, why: str):
        super().__init__(f"{why} {_age_of(account)}")


class NeedsSignIn(DeviceSyncUnavailable):
    """ID.me wants to see the person again before it tells anything more."""

    reason = "needs_sign_in"

    def __init__(self, account: IdmeAccount):
        super().__init__(
            account, "Sign in with ID.me again to refresh the list of devices."
        )


class DeviceListRefused(DeviceSyncUnavailable):
    """ID.me sent a list that this portal does not believe; nothing of it was taken."""

    def __init__(self, account: IdmeAccount, reason: str):
        self.reason = reason
        super().__init__(
            account,
            "ID.me sent a list of devices that this portal does not accept. "
            "Tell your administrator.",
        )


@dataclass(frozen=True)
class Changes:
    """What a refresh did."""

    added: int = 0
    removed: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def __str__(self) -> str:
        if not self:
            return "Nothing has changed at ID.me."
        counts = {"added": self.added, "removed": self.removed}
        said = [
            f"{count} {_devices(count)} {how}" for how, count in counts.items() if count
        ]
        return f"{', '.join(said)}."


def refresh(account: IdmeAccount, *, by) -> Changes:
    """Ask ID.me for the list with the refresh token; raise a DeviceSyncUnavailable."""
    at = timezone.now()
    try:
        entries = entries_in(_fetch(account, at=at), account=account)
        if entries is None:
            raise DeviceSyncUnavailable(account, "ID.me sent no list of devices.")
        return apply_list(account, entries, by=by, at=at)
    except DeviceSyncUnavailable as failure:
        _record_failure(account, by=by, reason=failure.reason)
        raise


def apply_userinfo(
    account: IdmeAccount, userinfo: Userinfo, *, by, at: datetime
) -> Changes:
    """Apply the list that came with a sign-in; a provider without one is no failure."""
    try:
        entries = entries_in(userinfo, account=account)
        return (
            Changes() if entries is None else apply_list(account, entries, by=by, at=at)
        )
    except DeviceSyncUnavailable as failure:
        _record_failure(account, by=by, reason=failure.reason)
        raise


def entries_in(userinfo: Userinfo, *, account: IdmeAccount) -> object | None:
    """Return the claim that lists devices, or None; raise DeviceListRefused if in clear."""
    entries = userinfo.claims.get(settings.IDME_CLAIMS["devices"])
    if entries is not None and not userinfo.is_sealed:
        raise DeviceListRefused(account, "not_encrypted")
    return entries


def apply_list(account: IdmeAccount, entries: object, *, by, at: datetime) -> Changes:
    """Make the user's ID.me devices those of the list that was asked for at `at`.

    A device keeps its nickname and its primary badge while ID.me lists it; one that
    was removed here stays removed; a list older than the last one changes nothing.
    """
    try:
        listed = device_list.read(entries)
        with transaction.atomic(durable=True):
            return _apply(account, listed, by=by, at=at)
    except Malformed as problem:
        raise DeviceListRefused(account, str(problem)) from None
    except (DatabaseError, devices.DeviceChangeRefused):
        raise DeviceSyncUnavailable(
            account, "Your devices were changed at the same moment. Try again."
        ) from None


def _apply(account: IdmeAccount, listed: list[Listed], *, by, at) -> Changes:
    # One list at a time per user, and none while a primary is being selected.
    get_user_model().objects.select_for_update(no_key=True).get(pk=account.user_id)
    current = IdmeAccount.objects.linked().filter(pk=account.pk).first()
    if current is None:
        raise DeviceSyncUnavailable(
            account, "The ID.me account was unlinked meanwhile."
        )
    if current.devices_refreshed_at and current.devices_refreshed_at > at:
        return Changes()
    new, vanished = _compare(listed, user=account.user)
    back = {
        entry.external_id: device
        for entry in new
        if (device := _vanished_before(entry, user=account.user))
    }
    _check_nobody_has([entry for entry in new if entry.external_id not in back])
    for device in vanished:
        devices.retire_vanished(device, by=by)
    is_first = current.devices_refreshed_at is None
    for entry in new:
        _add(
            entry,
            device=back.get(entry.external_id),
            user=account.user,
            by=by,
            tell=not is_first,
        )
    IdmeAccount.objects.filter(pk=account.pk).update(devices_refreshed_at=at)
    account.devices_refreshed_at = at
    changes = Changes(added=len(new), removed=len(vanished))
    chain.record(
        Act.FEED_APPLIED,
        by=by,
        of=account,
        added=changes.added,
        removed=changes.removed,
    )
    return changes


def _compare(listed: list[Listed], *, user) -> tuple[list[Listed], list[Device]]:
    """Return what is new in the list, and which devices it no longer names as they are.

    What was removed here stays removed, under its old id or with its old seed.
    """
    own = Device.objects.visible_to(user)
    live = {
        device.external_id: device
        for device in own.filter(source=Source.IDME, retired_at=None)
    }
    kept = {
        entry.external_id
        for entry in listed
        if entry.external_id in live and _is_same(live[entry.external_id], entry)
    }
    removed = own.filter(retired_because=Retirement.REMOVED)
    removed_ids = set(removed.values_list("external_id", flat=True)) - set(live)
    removed_prints = set(removed.values_list("seed_fingerprint", flat=True))
    new = [
        entry
        for entry in listed
        if entry.external_id not in kept | removed_ids
        and (not entry.seed or vault.fingerprint(entry.seed) not in removed_prints)
    ]
    return new, [device for id_, device in live.items() if id_ not in kept]


def _is_same(device: Device, entry: Listed) -> bool:
    """Compare the seeds themselves: fingerprints change when keys are rotated."""
    if device.kind != entry.kind:
        return False
    if entry.seed is None:
        return True
    try:
        return hmac.compare_digest(device.seed(), entry.seed)
    except vault.CannotUnseal:
        return False


def _check_nobody_has(new: list[Listed]) -> None:
    """Raise Malformed when a seed already stands for another device, of anybody.

    Two devices with one seed are one device, and its codes would pass for both.
    """
    prints = {vault.fingerprint(entry.seed) for entry in new if entry.seed}
    kept = Device.objects.exclude(retired_because=Retirement.UNLINKED)
    if kept.filter(seed_fingerprint__in=prints).exists():
        raise Malformed("seed_of_another_device")


def _vanished_before(entry: Listed, *, user) -> Device | None:
    """Return the device that was not listed for a while and is again, unchanged."""
    vanished = Device.objects.visible_to(user).filter(
        source=Source.IDME,
        external_id=entry.external_id,
        retired_because__in=[Retirement.VANISHED, Retirement.UNLINKED],
    )
    return next((device for device in vanished if _is_same(device, entry)), None)


def _add(entry: Listed, *, device: Device | None, user, by, tell: bool) -> None:
    """Add a device, or take one back that was gone; it has to be selected again."""
    device = device or Device(
        user=user,
        kind=entry.kind,
        source=Source.IDME,
        external_id=entry.external_id,
        confirmed=True,
    )
    device.name = _unused_nickname(device.name or entry.name, user=user)
    device.retired_at, device.retired_because = None, ""
    if entry.seed is not None:
        device.set_seed(entry.seed)
        # The code just used at ID.me is worth nothing here.
        device.last_step = totp.step_at(timezone.now().timestamp())
    device.save()
    chain.record(
        Act.DEVICE_ADDED, by=by, of=device, source=Source.IDME, kind=device.kind
    )
    if tell:
        notices.send(
            user,
            subject="A device was added to your account",
            template="mfa/mail/device_added.txt",
            device=device.name,
        )


def _unused_nickname(wanted: str, *, user) -> str:
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
        if refusal.reason in ("code_refused", "login_required", "access_denied"):
            raise NeedsSignIn(account) from None
        raise DeviceSyncUnavailable(account, str(refusal)) from None


def _devices(number: int) -> str:
    return "device" if number == 1 else "devices"


def _record_failure(account: IdmeAccount, *, by, reason: str) -> None:
    chain.record(
        Act.FEED_FAILED, by=by, of=account, outcome=Outcome.FAILURE, reason=reason
    )


def _age_of(account: IdmeAccount) -> str:
    if account.devices_refreshed_at is None:
        return "The list was never refreshed."
    return f"The list is {timesince(account.devices_refreshed_at, depth=1)} old."
