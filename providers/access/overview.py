"""The access overview of a practice: its people, and what waits for somebody."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from foundation.actors import User
from mfa.models import IdmeAccount
from providers import access_managers
from providers.models import (
    AccessGrant,
    AccessRequest,
    Designee,
    Membership,
    Practice,
    Provider,
    Role,
)


@dataclass(frozen=True)
class ProviderAccess:
    """One provider of a practice, and how far their access is."""

    provider: Provider
    grant: AccessGrant | None
    has_identity: bool
    open_request: AccessRequest | None

    @property
    def state(self) -> str:
        if self.grant is None:
            return "none"
        if self.grant.is_provisional:
            return "provisional"
        return "suspended" if self.grant.suspensions.all() else "current"


@dataclass(frozen=True)
class PracticeAccess:
    """One practice on the overview."""

    practice: Practice
    shortage: str
    managers: list[Designee]
    registrants: set[int]
    open_requests: list[AccessRequest]
    providers: list[ProviderAccess]

    @property
    def undecided(self) -> list[ProviderAccess]:
        """Return the providers whose access stopped and is not decided by two."""
        return [
            provider
            for provider in self.providers
            if provider.state in ("provisional", "suspended")
        ]


def of(practice: Practice) -> PracticeAccess:
    """Return the overview of one practice."""
    open_requests = list(
        AccessRequest.objects.open()
        .filter(practice=practice)
        .select_related("person", "provider", "entered_by", "practice")
    )
    managers = Designee.objects.current().filter(practice=practice)
    registrants = access_managers.registrants(practice, on=practice.today())
    return PracticeAccess(
        practice=practice,
        shortage=access_managers.shortage(practice),
        managers=list(managers.select_related("user", "named_by")),
        registrants=set(registrants.values_list("pk", flat=True)),
        open_requests=open_requests,
        providers=_provider_rows(practice, open_requests=open_requests),
    )


def providers_of(practice: Practice) -> QuerySet[Provider]:
    """Return who works there as a provider, or left and still has a grant."""
    members = Membership.objects.filter(
        practice=practice, role=Role.PROVIDER, left_on=None
    )
    grants = AccessGrant.objects.current().filter(practice=practice)
    return Provider.objects.filter(
        Q(user__in=members.values("user")) | Q(pk__in=grants.values("provider"))
    )


def designable(practice: Practice) -> QuerySet[User]:
    """Return the people of a practice who are not access managers yet."""
    members = Membership.objects.filter(practice=practice, left_on=None)
    designated = Designee.objects.current().filter(practice=practice)
    people = get_user_model().objects.filter(
        is_active=True, pk__in=members.values("user")
    )
    return people.exclude(pk__in=designated.values("user"))


def designated(practice: Practice) -> QuerySet[User]:
    """Return the access managers of a practice, even those who left."""
    managers = Designee.objects.current().filter(practice=practice)
    return get_user_model().objects.filter(pk__in=managers.values("user"))


def _provider_rows(
    practice: Practice, *, open_requests: Iterable[AccessRequest]
) -> list[ProviderAccess]:
    providers = list(providers_of(practice).select_related("user"))
    grants = _grants(practice, providers)
    verified = _verified_users(providers)
    requests = {row.provider_id: row for row in open_requests}
    return [
        ProviderAccess(
            provider=provider,
            grant=grants.get(provider.pk),
            has_identity=provider.user_id in verified,
            open_request=requests.get(provider.pk),
        )
        for provider in providers
    ]


def _grants(practice: Practice, providers: list[Provider]) -> dict[int, AccessGrant]:
    """Return the current grants by provider; a provisional one only without another."""
    current = AccessGrant.objects.current().at(practice).filter(provider__in=providers)
    grants = current.select_related("granted_by").prefetch_related("suspensions")
    return {grant.provider_id: grant for grant in grants.order_by("-is_provisional")}


def _verified_users(providers: list[Provider]) -> set[int]:
    accounts = IdmeAccount.objects.linked().filter(
        user__in=[provider.user_id for provider in providers]
    )
    return {account.user_id for account in accounts if account.is_identity_proofed}
