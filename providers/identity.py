"""Whether the person whom ID.me verified is the practitioner who is registered here.

21 CFR 1311.105(a)(1), 1311.125(c): the right to sign rests on the identity that was
proofed when it was given.
"""

from django.dispatch import receiver

from audit import chain
from audit.acts import Act, Outcome
from mfa.models import IdmeAccount
from mfa.signals import identity_confirmed
from providers.models import AccessGrant, Provider


def is_named_alike(provider: Provider, account: IdmeAccount) -> bool:
    """Say whether the last names have a word in common, as double names do."""
    return bool(_words(account.last_name) & _words(provider.last_name))


def is_of_same_identity(grant: AccessGrant, account: IdmeAccount) -> bool:
    """Say whether a grant was given when this very ID.me account was known already."""
    return IdmeAccount.objects.filter(
        user=grant.provider.user_id,
        issuer=account.issuer,
        subject=account.subject,
        linked_at__lte=grant.granted_at,
    ).exists()


@receiver(identity_confirmed)
def record_another_name(sender, account: IdmeAccount, **kwargs) -> None:
    provider = Provider.objects.filter(user=account.user_id).first()
    if provider and not is_named_alike(provider, account):
        chain.record(
            Act.IDME_NAME_DIFFERS, by=account.user, of=account, outcome=Outcome.FAILURE
        )


def _words(name: str) -> set[str]:
    return set(name.casefold().replace("-", " ").split())
