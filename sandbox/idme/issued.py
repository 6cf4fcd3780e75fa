"""The tokens that were handed out: kept as digests, spent and revoked."""

import hashlib
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from sandbox.idme.models import (
    AccessToken,
    Account,
    Approval,
    AuthorizationCode,
    Decision,
    RefreshToken,
)

CODE_LIFETIME = timedelta(minutes=5)
ACCESS_TOKEN_LIFETIME = timedelta(seconds=300)
REFRESH_TOKEN_LIFETIME = timedelta(days=7)


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def keep(token: dict, *, code: AuthorizationCode | None, **issued_for) -> None:
    """Remember what was issued; `code` is where it came from, if from one."""
    now = timezone.now()
    AccessToken.objects.create(
        digest=digest_of(token["access_token"]),
        expires_at=now + ACCESS_TOKEN_LIFETIME,
        code=code,
        **issued_for,
    )
    if "refresh_token" in token:
        RefreshToken.objects.create(
            digest=digest_of(token["refresh_token"]),
            expires_at=now + REFRESH_TOKEN_LIFETIME,
            code=code,
            **issued_for,
        )


def revoke_tokens_of(code: AuthorizationCode) -> None:
    """End every token that came of a code; somebody used the code twice."""
    now = timezone.now()
    for tokens in (AccessToken.objects, RefreshToken.objects):
        tokens.filter(code=code, revoked_at=None).update(revoked_at=now)


@transaction.atomic
def take_back(account: Account, *, client_id: str) -> None:
    """End what an application may do with an account, and what it waits for."""
    now = timezone.now()
    theirs = {"account": account, "client_id": client_id}
    account.consents.filter(client_id=client_id).delete()
    for tokens in (AccessToken.objects, RefreshToken.objects):
        tokens.filter(**theirs, revoked_at=None).update(revoked_at=now)
    AuthorizationCode.objects.filter(**theirs, used_at=None).update(used_at=now)
    Approval.objects.filter(**theirs, used_at=None).update(decision=Decision.DECLINED)


def spend_access_token(token: str) -> AccessToken | None:
    """Return the token if this is its first use in time; revoke it on any other."""
    now = timezone.now()
    tokens = AccessToken.objects.filter(digest=digest_of(token), revoked_at=None)
    fresh = tokens.filter(used_at=None, expires_at__gt=now)
    if fresh.update(used_at=now):
        return tokens.select_related("account").get()
    tokens.update(revoked_at=now)
    return None
