"""What the page eRx Info shows: identity, access, registrations and devices."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from foundation.actors import User
from foundation.blockers import Blocker
from mfa import devices, factor
from mfa.idme import freshness
from mfa.models import Device, IdmeAccount
from mfa.oidc.provider_settings import idme_settings
from providers import readiness, standing
from providers.models import (
    AccessGrant,
    DeaRegistration,
    Practice,
    Provider,
    Suspension,
)
from providers.standing import Standing


@dataclass(frozen=True)
class ErxInfo:
    """The facts of one user, as of one moment."""

    user: User
    provider: Provider | None
    practice: Practice | None
    standing: Standing | None  # of a provider who works at a practice
    account: IdmeAccount | None
    devices: list[Device]
    grant: AccessGrant | None  # with the people behind it
    suspensions: list[Suspension]  # of the grant
    registrations: list[DeaRegistration]

    @property
    def time_zone(self) -> str:
        return self.practice.time_zone if self.practice else settings.TIME_ZONE

    @property
    def today(self) -> date:
        return self.practice.today() if self.practice else timezone.localdate()

    @cached_property
    def blockers(self) -> list[Blocker]:
        if self.standing is None:
            return []
        return readiness.blockers_for_now(self.standing, now=timezone.now())

    @property
    def other_managers(self) -> list[str]:
        """Return the names of those who approve this user's access."""
        managers = self.standing.managers if self.standing else ()
        return [
            manager.get_full_name() or manager.get_username()
            for manager in managers
            if manager.pk != self.user.pk
        ]

    @property
    def is_refreshing(self) -> bool:
        return self.account is not None and freshness.is_refreshing(self.account)

    @property
    def refresh_failed(self) -> bool:
        return self.account is not None and freshness.has_failed(self.account)

    @property
    def needs_sign_in(self) -> bool:
        """Return True if the device list is old and ID.me will not renew it alone."""
        account = self.account
        is_old = account is not None and freshness.is_old(account)
        return is_old and not (account and freshness.is_refreshable(account))

    @cached_property
    def primary(self) -> Device | None:
        primary = (device for device in self.devices if device.is_primary)
        return next((device for device in primary if device.is_usable), None)

    @property
    def suggested(self) -> Device | None:
        return None if self.primary else devices.suggested_among(self.devices)

    @property
    def factors(self) -> str:
        """Return what confirms a signature here, in words."""
        return " and ".join(factor.labels(self.devices)).capitalize()

    @property
    def has_one_device(self) -> bool:
        return sum(device.may_sign for device in self.devices) == 1

    @property
    def update_url(self) -> str:
        """Return the address of Sign In & Security, with the way back."""
        back = settings.PORTAL_ORIGIN + reverse("erx-info")
        separator = "&" if urlsplit(idme_settings().account_url).query else "?"
        query = urlencode({"return_to": back})
        return f"{idme_settings().account_url}{separator}{query}"


def erx_info_of(user: User) -> ErxInfo:
    """Return what eRx Info shows to a user."""
    provider = Provider.objects.filter(user=user).first()
    practice = Practice.objects.visible_to(user).first()
    stands = None
    if provider and practice:
        stands = standing.of(provider, practice=practice)
    return ErxInfo(
        user=user,
        provider=provider,
        practice=practice,
        standing=stands,
        account=stands.account if stands else IdmeAccount.objects.linked_to(user),
        devices=stands.listed_devices if stands else _listed_devices(user),
        grant=_named(stands.grant) if stands and stands.grant else None,
        suspensions=_named_devices(stands.suspensions) if stands else [],
        registrations=list(provider.dea_registrations.all()) if provider else [],
    )


def _listed_devices(user: User) -> list[Device]:
    return list(Device.objects.visible_to(user).listed())


def _named(grant: AccessGrant) -> AccessGrant:
    """Return a grant with the people who requested and approved it."""
    grants = AccessGrant.objects.select_related(
        "practice", "granted_by", "request__entered_by"
    )
    return grants.get(pk=grant.pk)


def _named_devices(suspensions: Iterable[Suspension]) -> list[Suspension]:
    """Return suspensions with the devices that were reported."""
    pks = [suspension.pk for suspension in suspensions]
    if not pks:
        return []
    return list(Suspension.objects.filter(pk__in=pks).select_related("device"))
