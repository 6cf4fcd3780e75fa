"""Age of the device list, and its refresh while somebody views a page.

A page never waits for ID.me: it asks a worker, and polls.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import task

from mfa.idme import device_sync
from mfa.models import IdmeAccount

OLD_AFTER = timedelta(minutes=10)
ASKED_APART = timedelta(minutes=1)


def request_refresh_if_old(account: IdmeAccount | None) -> None:
    """Have a worker refresh an old list, at most once a minute, if ID.me allows it."""
    if account is None or not (is_old(account) and is_refreshable(account)):
        return
    now = timezone.now()
    not_requested = Q(refresh_asked_at=None) | Q(refresh_asked_at__lt=now - ASKED_APART)
    waiting = IdmeAccount.objects.filter(
        not_requested, pk=account.pk, devices_refreshed_at__lt=now - OLD_AFTER
    )
    with transaction.atomic():
        if waiting.update(refresh_asked_at=now):
            account.refresh_asked_at = now
            transaction.on_commit(lambda: refresh.enqueue(account.pk), robust=True)


def is_refreshable(account: IdmeAccount) -> bool:
    """Return True if ID.me can be asked without the person signing in there."""
    ends = account.refresh_token_expires_at
    return bool(account.sealed_refresh_token and ends and ends > timezone.now())


def is_old(account: IdmeAccount) -> bool:
    """Return True if there is a list and it is old; not every provider has one."""
    at = account.devices_refreshed_at
    return at is not None and at < timezone.now() - OLD_AFTER


def is_refreshing(account: IdmeAccount) -> bool:
    """Return True if a refresh was requested in the last minute and is not done."""
    requested = _pending_since(account)
    return requested is not None and requested >= timezone.now() - ASKED_APART


def is_overdue(account: IdmeAccount) -> bool:
    """Return True if a refresh was requested over a minute ago and is not done."""
    requested = _pending_since(account)
    return requested is not None and requested < timezone.now() - ASKED_APART


def _pending_since(account: IdmeAccount) -> datetime | None:
    """Return when the refresh that is not done was requested, or None."""
    requested = account.refresh_asked_at
    ends = [account.devices_refreshed_at, account.refresh_failed_at]
    if requested is None or any(end and end >= requested for end in ends):
        return None
    return requested


def has_failed(account: IdmeAccount) -> bool:
    """Return True if the latest refresh of the list failed."""
    failed, refreshed = account.refresh_failed_at, account.devices_refreshed_at
    return failed is not None and (refreshed is None or failed > refreshed)


@task()
def refresh(account_pk: int) -> None:
    """Refresh an account's list on behalf of its owner; a failure is recorded."""
    account = IdmeAccount.objects.linked().filter(pk=account_pk).first()
    if account is None or not is_old(account):  # done while this task waited
        return
    rows = IdmeAccount.objects.filter(pk=account_pk)
    try:
        device_sync.refresh(account, by=account.user)
    except device_sync.NeedsSignIn:
        rows.update(refresh_failed_at=timezone.now())
        # ID.me no longer accepts this token: the page asks for a sign-in instead. A
        # token that was renewed in the meantime stays.
        refused = rows.filter(sealed_refresh_token=account.sealed_refresh_token)
        refused.update(sealed_refresh_token="")
    except device_sync.DeviceSyncUnavailable:
        rows.update(refresh_failed_at=timezone.now())
