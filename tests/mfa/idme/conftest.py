from datetime import timedelta

import pytest
from django.utils import timezone

from mfa.idme import device_sync, link
from mfa.oidc.responses import Tokens


@pytest.fixture
def account(alice):
    """Alice's ID.me account, with a list of long ago and a refresh token."""
    account = alice.idme_accounts.linked().get()
    account.devices_refreshed_at = timezone.now() - timedelta(hours=3)
    account.save()
    link.store_refresh_token(
        account,
        Tokens(access_token="", refresh_token="refresh-0"),
        at=timezone.now(),
    )
    return account


@pytest.fixture
def known(idme, account):
    """An ID.me that knows Alice and her refresh token."""
    idme.subject = account.subject
    idme.refresh_tokens.add("refresh-0")
    return idme


@pytest.fixture
def take(account, django_capture_on_commit_callbacks):
    """Apply a list for Alice; return what changed."""

    def take(*entries, at=None):
        with django_capture_on_commit_callbacks(execute=True):
            return device_sync.apply_list(
                account, list(entries), by=account.user, at=at or timezone.now()
            )

    return take
