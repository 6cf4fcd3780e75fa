"""How old the list of devices is, and its refresh while somebody looks at a page.

A page never waits for ID.me: it asks a worker, and looks again.
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


def request_refresh_if_old(user) -> None:
    """Let a worker refresh an old list, once a minute at the most, if ID.me lets it."""
    now = timezone.now()
    not_asked = Q(refresh_asked_at=None) | Q(refresh_asked_at__lt=now - ASKED_APART)
    account = IdmeAccount.objects.linked_to(user)
    if account is None or not is_refreshable(account):
        return
    waiting = IdmeAccount.objects.filter(
        not_asked, pk=account.pk, devices_refreshed_at__lt=now - OLD_AFTER
    )
    with transaction.atomic():
        if waiting.update(refresh_asked_at=now):
            transaction.on_commit(lambda: refresh.enqueue(account.pk), robust=True)


def is_refreshable(account: IdmeAccount) -> bool:
    """Say whether ID.me can be asked without the person being there."""
    ends = account.refresh_token_expires_at
    return bool(account.sealed_refresh_token and ends and ends > timezone.now())


def is_old(account: IdmeAccount) -> bool:
    """Say whether there is a list, and it is old; not every provider has one."""
    at = account.devices_refreshed_at
    return at is not None and at < timezone.now() - OLD_AFTER


def is_refreshing(account: IdmeAccount) -> bool:
    """Say whether a refresh was asked for just now and has not ended."""
    asked = _waits_since(account)
    return asked is not None and asked >= timezone.now() - ASKED_APART


def is_overdue(account: IdmeAccount) -> bool:
    """Say whether a refresh was asked for and no worker has ended it for a minute."""
    asked = _waits_since(account)
    return asked is not None and asked < timezone.now() - ASKED_APART


def _waits_since(account: IdmeAccount) -> datetime | None:
    """Return when a refresh was asked for that has not ended, or None."""
    asked = account.refresh_asked_at
    ends = [account.devices_refreshed_at, account.refresh_failed_at]
    if asked is None or any(end is not None and end >= asked for end in ends):
        return None
    return asked


def has_failed(account: IdmeAccount) -> bool:
    """Say whether the last thing that was tried with the list did not work."""
    failed, refreshed = account.refresh_failed_at, account.devices_refreshed_at
    return failed is not None and (refreshed is None or failed > refreshed)


@task()
def refresh(account_pk: int) -> None:
    """Refresh the list of one account, on behalf of its owner; a failure is recorded."""
    account = IdmeAccount.objects.linked().filter(pk=account_pk).first()
    if account is None or not is_old(account):  # done by now, while this one waited
        return
    rows = IdmeAccount.objects.filter(pk=account_pk)
    try:
        device_sync.refresh(account, by=account.user)
    except device_sync.NeedsSignIn:
        rows.update(refresh_failed_at=timezone.now())
        # Of no more use, unless somebody else has a new one meanwhile: the page asks
        # for a sign-in instead.
        refused = rows.filter(sealed_refresh_token=account.sealed_refresh_token)
        refused.update(sealed_refresh_token="")
    except device_sync.DeviceSyncUnavailable:
        rows.update(refresh_failed_at=timezone.now())
