"""What the overview says of a practice: its people, and what waits for somebody."""

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

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
class Line:
    """One provider of a practice, and how far they are."""

    provider: Provider
    grant: AccessGrant | None
    has_identity: bool
    waiting: AccessRequest | None  # for a second person

    @property
    def state(self) -> str:
        if self.grant is None:
            return "none"
        if self.grant.is_provisional:
            return "provisional"
        return "suspended" if self.grant.suspensions.all() else "in force"


@dataclass(frozen=True)
class Section:
    """One practice on the overview."""

    practice: Practice
    shortage: str
    designees: list[Designee]
    registrants: set
    waiting: list[AccessRequest]
    lines: list[Line]

    @property
    def undecided(self) -> list[Line]:
        """What stopped by itself, and two people have not decided about."""
        return [
            line for line in self.lines if line.state in ("provisional", "suspended")
        ]


def of(practice: Practice) -> Section:
    named = Designee.objects.filter(practice=practice, until=None)
    entered = AccessRequest.objects.open().filter(practice=practice)
    waiting = list(
        entered.select_related("person", "provider", "entered_by", "practice")
    )
    registrants = access_managers.registrants(practice, on=practice.today())
    return Section(
        practice=practice,
        shortage=access_managers.shortage(practice),
        designees=list(named.select_related("user", "named_by")),
        registrants=set(registrants.values_list("pk", flat=True)),
        waiting=waiting,
        lines=_lines(practice, waiting=waiting),
    )


def providers_of(practice: Practice) -> QuerySet[Provider]:
    """Return who works there as a provider, and who left with a right in force."""
    there = Membership.objects.filter(
        practice=practice, role=Role.PROVIDER, left_on=None
    )
    held = AccessGrant.objects.current().filter(practice=practice)
    return Provider.objects.filter(
        Q(user__in=there.values("user")) | Q(pk__in=held.values("provider"))
    )


def namable(practice: Practice) -> QuerySet:
    """Return who works there and is no designee yet."""
    there = Membership.objects.filter(practice=practice, left_on=None)
    named = Designee.objects.filter(practice=practice, until=None)
    return (
        get_user_model()
        .objects.filter(is_active=True, pk__in=there.values("user"))
        .exclude(pk__in=named.values("user"))
    )


def _lines(practice: Practice, *, waiting: list[AccessRequest]) -> list[Line]:
    providers = list(providers_of(practice).select_related("user"))
    held = AccessGrant.objects.current().at(practice)
    held = held.filter(provider__in=providers).order_by("-is_provisional")
    grants = {
        grant.provider_id: grant
        for grant in held.select_related("granted_by").prefetch_related("suspensions")
    }
    accounts = IdmeAccount.objects.linked().filter(
        user__in=[provider.user_id for provider in providers]
    )
    entered = {request.provider_id: request for request in waiting}
    proofed = {one.user_id for one in accounts if one.is_identity_proofed}
    return [
        Line(
            provider=provider,
            grant=grants.get(provider.pk),
            has_identity=provider.user_id in proofed,
            waiting=entered.get(provider.pk),
        )
        for provider in providers
    ]
