"""Compare the person whom ID.me verified with the practitioner registered here.

21 CFR 1311.105(a)(1), 1311.125(c): an access grant rests on the identity that was
verified when it was approved.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from audit import chain
from audit.acts import Act, Outcome
from mfa.models import IdmeAccount
from mfa.signals import identity_confirmed
from providers.models import Provider


def is_named_alike(provider: Provider, account: IdmeAccount) -> bool:
    """Return True if the last names share a word, as double names do."""
    return bool(_words(account.last_name) & _words(provider.last_name))


def was_linked(
    account: IdmeAccount, *, at: datetime, history: Iterable[IdmeAccount]
) -> bool:
    """Return True if a user's ID.me account was already linked at a time.

    `history` holds every link of the user, because an account may be linked again.
    """
    identity = (account.issuer, account.subject)
    return any(
        (link.issuer, link.subject) == identity and link.linked_at <= at
        for link in history
    )


@receiver(identity_confirmed)
def record_another_name(
    sender: type[IdmeAccount], account: IdmeAccount, **kwargs: Any
) -> None:
    """Record that ID.me verified a name that differs from the one registered here."""
    provider = Provider.objects.filter(user=account.user_id).first()
    if provider and not is_named_alike(provider, account):
        chain.record(
            Act.IDME_NAME_DIFFERS, by=account.user, of=account, outcome=Outcome.FAILURE
        )


def _words(name: str) -> set[str]:
    return set(name.casefold().replace("-", " ").split())
