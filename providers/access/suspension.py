"""Access is suspended on the day that it has to be, without anybody's decision.

21 CFR 1311.102(b), 1311.125(d), 1311.130(d). Two people decide later: they revoke the
grant or approve another one. A suspension itself is never lifted.
"""

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.dispatch import receiver
from django.utils import timezone

from audit import chain, incidents
from audit.acts import Act
from audit.models import IncidentKind
from foundation.actors import User
from mfa import challenges, devices
from mfa.models import Device
from mfa.signals import compromised
from providers import credentialing, standing
from providers.access import authority, notices
from providers.models import (
    AccessGrant,
    Cause,
    DeaRegistration,
    Listing,
    Practice,
    Provider,
    Role,
    StateLicense,
    Suspension,
)

REPORTED = [Cause.LOST, Cause.STOLEN, Cause.COMPROMISED]


def report_device(device: Device, *, by: User, cause: Cause) -> None:
    """Retire a lost device and suspend its owner's access, everywhere and at once.

    The access managers are told, as the practitioner has to do within one business day
    (21 CFR 1311.102(b)). Raises devices.DeviceChangeRefused.
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
    by: User | None = None,
    device: Device | None = None,
    practice: Practice | None = None,
) -> bool:
    """Suspend a provider's access; return True if there was any to suspend.

    At every practice, unless one is named. In the transaction of the act behind it.
    """
    # From here on, they sign nothing.
    challenges.lock_user(provider.user_id)
    grants = AccessGrant.objects.current().filter(provider=provider)
    if practice:
        grants = grants.at(practice)
    was_suspended = False
    for grant in grants.select_for_update(of=["self"], no_key=True):
        was_suspended |= _suspend(grant, cause=cause, by=by, device=device)
    return was_suspended


def suspend_lapsed() -> None:
    """Suspend the grants whose authority lapsed, by the day at each practice."""
    for practice in Practice.objects.select_related("institution"):
        for grant in _without_authority(practice, on=practice.today()):
            provider = grant.provider
            for cause in authority.lapses(standing.of(provider, practice=practice)):
                with transaction.atomic(durable=True):
                    suspend(provider, cause=cause, practice=practice)


def _suspend(
    grant: AccessGrant, *, cause: Cause, by: User | None, device: Device | None
) -> bool:
    if grant.suspensions.filter(cause=cause).exists():
        return False
    Suspension.objects.create(
        grant=grant, cause=cause, at=timezone.now(), reported_by=by, device=device
    )
    practice = grant.practice
    if practice:  # a provisional grant names none
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
def suspend_compromised(
    sender: type[Device], user: User, device: Device, **kwargs: Any
) -> None:
    """Suspend the access of somebody whose password is known to others.

    21 CFR 1311.125(d)(1).
    """
    if provider := Provider.objects.filter(user=user).first():
        suspend(provider, cause=Cause.COMPROMISED, by=user, device=device)


def _without_authority(practice: Practice, *, on: date) -> QuerySet[AccessGrant]:
    """Return the current grants there that `authority.lapses` would object to."""
    grants = AccessGrant.objects.current().filter(practice=practice)
    in_order = grants.filter(*_authority(practice, on=on))
    without = grants.exclude(pk__in=in_order.values("pk"))
    return without.select_related("provider__user")


def _authority(practice: Practice, *, on: date) -> list[Exists]:
    """Return what the provider of a grant needs there, as conditions of a query."""
    of_provider = {"provider": OuterRef("provider")}
    in_state = {"state": practice.state, **of_provider}
    registrations = credentialing.covered(DeaRegistration.objects.current(on=on))
    members = practice.memberships.filter(role=Role.PROVIDER, left_on=None)
    conditions = [
        Exists(registrations.filter(**in_state)),
        Exists(StateLicense.objects.current(on=on).filter(**in_state)),
        Exists(members.filter(user=OuterRef("provider__user"))),
    ]
    if practice.institution:
        listings = Listing.objects.approved().filter(institution=practice.institution)
        conditions.append(Exists(listings.filter(**of_provider)))
    return conditions
