"""The right to sign stops by itself on the day that it has to; fail closed.

21 CFR 1311.102(b), 1311.125(d), 1311.130(d). Two people formalize it later: they end
the right, or give another one. A suspension itself is never lifted.
"""

from datetime import date

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.dispatch import receiver
from django.utils import timezone

from audit import chain, incidents
from audit.acts import Act
from audit.models import IncidentKind
from mfa import devices
from mfa.models import Device
from mfa.signals import compromised
from providers import authority, credentialing
from providers.access import notices
from providers.models import (
    AccessGrant,
    Cause,
    DeaRegistration,
    Listing,
    Membership,
    Practice,
    Provider,
    Role,
    StateLicense,
    Suspension,
)

REPORTED = [Cause.LOST, Cause.STOLEN, Cause.COMPROMISED]


def report_device(device: Device, *, by, cause: Cause) -> None:
    """Put a device out of use at once, with everything that it may have confirmed.

    Signing stops wherever its owner may sign, and the designees are told, as the
    practitioner has to within one business day (21 CFR 1311.102(b)).
    """
    if cause not in REPORTED:
        raise ValueError("A device is lost, stolen or compromised.")
    with transaction.atomic(durable=True):
        devices.retire_lost(device, by=by, reason=cause)
        incidents.report(IncidentKind.LOST_DEVICE, about=by, of=device)
        if provider := Provider.objects.filter(user=by).first():
            suspend(provider, cause=cause, by=by, device=device)


def suspend(
    provider: Provider,
    *,
    cause: Cause,
    by=None,
    device: Device | None = None,
    practice: Practice | None = None,
) -> bool:
    """Stop a provider's right to sign, in the transaction of what was found out.

    Everywhere, unless a practice is named. Say whether there was anything to stop.
    """
    # Nothing is signed by them from here on.
    get_user_model().objects.select_for_update(no_key=True).get(pk=provider.user_id)
    held = AccessGrant.objects.current().filter(provider=provider)
    if practice:
        held = held.at(practice)
    has_stopped = False
    for grant in held.select_for_update(of=["self"], no_key=True):
        has_stopped |= _stop(grant, cause=cause, by=by, device=device)
    return has_stopped


def suspend_lapsed() -> None:
    """Suspend what has no authority left today, wherever it is a new day by now."""
    for practice in Practice.objects.select_related("institution"):
        today = practice.today()
        for grant in _without_authority(practice, on=today):
            provider = grant.provider
            for cause in authority.lapses(provider, practice=practice, on=today):
                with transaction.atomic(durable=True):
                    suspend(provider, cause=cause, practice=practice)


def _stop(grant: AccessGrant, *, cause: Cause, by, device: Device | None) -> bool:
    if grant.suspensions.filter(cause=cause).exists():
        return False
    Suspension.objects.create(
        grant=grant, cause=cause, at=timezone.now(), reported_by=by, device=device
    )
    practice = grant.practice
    if practice:  # a provisional grant is of none
        notices.suspended(grant, practice=practice, cause=Cause(cause).label)
    chain.record(
        Act.ACCESS_SUSPENDED,
        by=by,
        of=grant.provider,
        reason=cause,
        practice=str(practice.public_id) if practice else "",
    )
    return True


@receiver(compromised)
def suspend_compromised(sender, user, device: Device, **kwargs) -> None:
    """Somebody else knows the password (21 CFR 1311.125(d)(1))."""
    if provider := Provider.objects.filter(user=user).first():
        suspend(provider, cause=Cause.COMPROMISED, by=user, device=device)


def _without_authority(practice: Practice, *, on: date) -> QuerySet[AccessGrant]:
    """Return the grants in force there that lack what `authority.lapses` looks for."""
    of_provider = {"provider": OuterRef("provider")}
    registered = credentialing.covered(DeaRegistration.objects.current(on=on)).filter(
        state=practice.state, **of_provider
    )
    licensed = StateLicense.objects.current(on=on).filter(
        state=practice.state, **of_provider
    )
    works = Membership.objects.filter(
        user=OuterRef("provider__user"),
        practice=practice,
        role=Role.PROVIDER,
        left_on=None,
    )
    held = AccessGrant.objects.current().filter(practice=practice)
    in_order = held.filter(Exists(registered), Exists(licensed), Exists(works))
    if practice.institution:
        listed = Listing.objects.approved().filter(
            institution=practice.institution, **of_provider
        )
        in_order = in_order.filter(Exists(listed))
    without = held.exclude(pk__in=in_order.values("pk"))
    return without.select_related("provider__user")
