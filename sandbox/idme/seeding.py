from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from sandbox.idme import issued
from sandbox.idme.models import Account, Device, DeviceType, RefreshToken


@transaction.atomic
def seed(world: dict) -> None:
    """Make the accounts of the demo world; leave those that are there as they are.

    Devices that somebody removed since stay removed: only a new account gets them.
    An account of another world, with the same key or e-mail, makes way.
    Refresh tokens start their seven days again.
    """
    for entry in world["idme"]["accounts"]:
        same = Account.objects.filter(key=entry["key"], subject=entry["subject"])
        account = same.first()
        if account is None:
            _others_named_like(entry).delete()
            account = _make(entry, entry.get("password") or world["password"])
        if entry.get("refresh_token"):
            _allow_refresh(account, entry["refresh_token"])


def _others_named_like(entry: dict) -> QuerySet[Account]:
    return Account.objects.filter(Q(key=entry["key"]) | Q(email=entry["email"].lower()))


def _make(entry: dict, password: str) -> Account:
    account = Account(
        key=entry["key"],
        subject=entry["subject"],
        email=entry["email"].lower(),
        first_name=entry["first_name"],
        last_name=entry["last_name"],
        ial=entry.get("ial", 2),
    )
    account.set_password(password)
    account.save()
    for device in entry.get("devices", []):
        Device.objects.create(
            id=device["id"],
            account=account,
            type=device["type"],
            name=device.get("name") or DeviceType(device["type"]).label,
            secret=device.get("secret", ""),
            confirmed_at=timezone.now(),
        )
    return account


def _allow_refresh(account: Account, token: str) -> None:
    """Give the client a consent and a refresh token, unless somebody took them back."""
    digest = issued.digest_of(token)
    consents = account.consents.filter(client_id=settings.IDME_CLIENT_ID)
    given_before = RefreshToken.objects.filter(digest=digest)
    if not consents.exists() and given_before.exclude(revoked_at=None).exists():
        return
    account.consents.get_or_create(client_id=settings.IDME_CLIENT_ID)
    RefreshToken.objects.update_or_create(
        digest=digest,
        defaults={
            "account": account,
            "client_id": settings.IDME_CLIENT_ID,
            "scope": "openid http://idmanagement.gov/ns/assurance/ial/2/aal/2",
            "expires_at": timezone.now() + issued.REFRESH_TOKEN_LIFETIME,
            "revoked_at": None,
        },
    )
