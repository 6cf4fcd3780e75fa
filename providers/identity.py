"""Compare the person whom ID.me verified with the practitioner registered here.

21 CFR 1311.105(a)(1), 1311.125(c): an access grant rests on the identity that was
verified when it was approved.
"""

from typing import Any

from django.dispatch import receiver

from audit import chain
from audit.acts import Act, Outcome
from mfa.models import IdmeAccount
from mfa.signals import identity_confirmed
from providers.models import AccessGrant, Provider


def is_named_alike(provider: Provider, account: IdmeAccount) -> bool:
    """Return True if the last names share a word, as double names do."""
    return bool(_words(account.last_name) & _words(provider.last_name))


def is_of_same_identity(grant: AccessGrant, account: IdmeAccount) -> bool:
    """Return True if this ID.me account was already linked when access was granted."""
    return IdmeAccount.objects.filter(
        user=grant.provider.user_id,
        issuer=account.issuer,
        subject=account.subject,
        linked_at__lte=grant.granted_at,
    ).exists()


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
