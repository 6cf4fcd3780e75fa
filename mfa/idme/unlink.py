"""Unlinking an ID.me account: signing stops, the record keeps the link."""

from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from audit.reasons import Reason
from foundation import notices
from foundation.actors import User
from mfa import challenges, devices
from mfa.models import Challenge, IdmeAccount, Intent, Purpose
from mfa.oidc.errors import IdmeError
from mfa.refusals import NotProven


class NotLinked(IdmeError):
    """No ID.me account is linked."""

    reason, status = Reason.NOT_LINKED, 400

    def __init__(self) -> None:
        super().__init__("No ID.me account is linked to your account.")


def digest(account: IdmeAccount) -> str:
    """Return the payload digest of unlinking this account."""
    return challenges.digest_of("unlink", account=str(account.public_id))


def unlink(
    account: IdmeAccount, *, by: User, session_key: str, proof: Challenge | None = None
) -> None:
    """End the link and retire the devices from ID.me; raise NotLinked or NotProven.

    A user with a usable device passes `proof`. Devices added in the portal stay.
    """
    with transaction.atomic(durable=True):
        challenges.lock_user(by.pk)
        if devices.has_usable(by):
            _consume(proof, account, by=by, session_key=session_key)
        _end_link(account, by=by)
        notices.send(
            by,
            subject="Your ID.me account was unlinked; signing has stopped",
            template="mfa/idme/mail/unlinked.txt",
        )
        chain.record(Act.IDME_UNLINKED, by=by, of=account)


def _end_link(account: IdmeAccount, *, by: User) -> None:
    linked = IdmeAccount.objects.linked().filter(pk=account.pk, user=by)
    if not linked.update(
        unlinked_at=timezone.now(),
        sealed_refresh_token="",
        refresh_token_expires_at=None,
    ):
        raise NotLinked
    devices.retire_unlinked(by=by)


def _consume(
    proof: Challenge | None, account: IdmeAccount, *, by: User, session_key: str
) -> None:
    if proof is None:
        raise NotProven("Confirm with one of your devices.")
    challenges.consume(proof, Intent(by, Purpose.UNLINK, digest(account), session_key))
