"""Who may sign controlled substances: given and ended, never by oneself.

21 CFR 1311.125. A grant by one administrator is provisional until the two-person rule
takes its place, and is labelled so everywhere.
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from providers.models import AccessGrant, Provider


class NotAllowed(Exception):
    """The right was not given or ended; the message says why."""


def grant(provider: Provider, *, by) -> AccessGrant:
    """Give a provider the right to sign, provisionally, on one administrator's word."""
    if provider.user_id == by.pk:
        _refused(provider, by=by, reason="self")
        raise NotAllowed("Nobody gives themselves the right to sign.")
    if not (by.is_active and by.is_staff):
        _refused(provider, by=by, reason="not_administrator")
        raise NotAllowed("Only an administrator gives the right to sign.")
    try:
        with transaction.atomic(durable=True):
            given = AccessGrant.objects.create(
                provider=provider, granted_by=by, granted_at=timezone.now()
            )
            chain.record(Act.ACCESS_GRANTED, by=by, of=provider, provisional=True)
    except IntegrityError:
        raise NotAllowed(f"{provider} has the right to sign already.") from None
    return given


def revoke(provider: Provider, *, by, reason: str) -> None:
    """End a provider's right to sign at once; one may end one's own."""
    if not (by.is_active and (by.is_staff or provider.user_id == by.pk)):
        _refused(provider, by=by, reason="not_administrator")
        raise NotAllowed("Only an administrator ends another's right to sign.")
    if not reason.strip():
        raise NotAllowed("Say why the right to sign ends.")
    with transaction.atomic(durable=True):
        ended = AccessGrant.objects.filter(provider=provider, revoked_at=None).update(
            revoked_by=by, revoked_at=timezone.now(), reason=reason
        )
        if not ended:
            raise NotAllowed(f"{provider} has no right to sign.")
        chain.record(Act.ACCESS_REVOKED, by=by, of=provider, reason=reason)


def _refused(provider: Provider, *, by, reason: str) -> None:
    chain.record(
        Act.PERMISSION_DENIED,
        by=by,
        of=provider,
        outcome=Outcome.FAILURE,
        reason=reason,
    )
