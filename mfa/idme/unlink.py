"""Taking an ID.me account off a user: signing stops, the record keeps both."""

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from foundation import notices
from mfa import challenges, devices, refusals
from mfa.models import Challenge, Device, IdmeAccount, Purpose
from mfa.oidc.errors import IdmeError


class NotLinked(IdmeError):
    """There is nothing to unlink."""

    reason, status = "not_linked", 400

    def __init__(self) -> None:
        super().__init__("No ID.me account is linked to your account.")


def digest(account: IdmeAccount) -> str:
    """Return what a challenge to unlink this account is bound to."""
    return challenges.digest_of("unlink", account=str(account.public_id))


def needs_device(user) -> bool:
    """Say whether a device has to agree; who has none left confirms by password."""
    return Device.objects.visible_to(user).usable().exists()


def unlink(
    account: IdmeAccount, *, by, session_key: str, proof: Challenge | None = None
) -> None:
    """End the link, and every device that came with it; raise NotLinked or NotProven.

    Whoever has a usable device gives proof by it. What was added in the portal stays,
    and signs nothing until an identity is linked again.
    """
    with transaction.atomic(durable=True):
        get_user_model().objects.select_for_update(no_key=True).get(pk=by.pk)
        if needs_device(by):
            _consume(proof, account, by=by, session_key=session_key)
        unlinked = IdmeAccount.objects.linked().filter(pk=account.pk, user=by)
        if not unlinked.update(
            unlinked_at=timezone.now(),
            sealed_refresh_token="",
            refresh_token_expires_at=None,
        ):
            raise NotLinked
        devices.retire_unlinked(by=by)
        notices.send(
            by,
            subject="Your ID.me account was unlinked; signing has stopped",
            template="mfa/idme/mail/unlinked.txt",
        )
        chain.record(Act.IDME_UNLINKED, by=by, of=account)


def _consume(
    proof: Challenge | None, account: IdmeAccount, *, by, session_key: str
) -> None:
    if proof is None:
        raise refusals.NotProven("Confirm with one of your devices.")
    challenges.consume(
        proof,
        user=by,
        purpose=Purpose.UNLINK,
        payload_digest=digest(account),
        session_key=session_key,
    )
