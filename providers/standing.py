"""Where a practitioner stands at a practice: all that a decision there looks at.

Read by one statement, for one or for many; whatever decides on it asks the database
nothing more (docs/adr/0012).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from foundation.actors import User
from foundation.statements import Prepared, fetch
from mfa.models import Device, IdmeAccount, UserThrottle
from providers.models import (
    AccessGrant,
    DeaRegistration,
    Designee,
    Institution,
    Listing,
    Membership,
    Practice,
    Provider,
    Role,
    StateLicense,
    Suspension,
)


@dataclass(frozen=True)
class Standing:
    """A practitioner at a practice on a day, as the database had them at one moment."""

    provider: Provider
    practice: Practice
    on: date
    is_active: bool
    works_here: bool
    accounts: tuple[IdmeAccount, ...]  # every ID.me account that was ever linked
    devices: tuple[Device, ...]  # confirmed and not retired, and a lost primary
    throttle: UserThrottle | None
    grant: AccessGrant | None
    suspensions: tuple[Suspension, ...]  # of the grant
    registrations: tuple[DeaRegistration, ...]  # for the State of the practice
    licenses: tuple[StateLicense, ...]  # of the State of the practice
    institution: Institution | None  # that the practice belongs to
    listed_at: frozenset[int]  # institutions whose list names the practitioner
    managers: tuple[User, ...]  # who manage access there
    registrants: frozenset[int]  # those of them who are DEA registrants there

    @property
    def account(self) -> IdmeAccount | None:
        """Return the ID.me account that is linked now."""
        linked = (account for account in self.accounts if account.unlinked_at is None)
        return next(linked, None)

    @property
    def listed_devices(self) -> list[Device]:
        return [device for device in self.devices if device.is_listed]

    @property
    def usable_devices(self) -> list[Device]:
        return [device for device in self.devices if device.is_usable]

    @property
    def primary(self) -> Device | None:
        usable = self.usable_devices
        return next((device for device in usable if device.is_primary), None)

    @property
    def lost_primary(self) -> Device | None:
        """Return the device whose loss stopped signing until another one is selected."""
        lost = (device for device in self.devices if device.lost_primary_at)
        return next(lost, None)

    @property
    def locked_until(self) -> datetime | None:
        """Return when the later of the locks of user and primary device ends."""
        rows = [row for row in (self.primary, self.throttle) if row is not None]
        return max((row.locked_until for row in rows if row.locked_until), default=None)

    @property
    def current_registrations(self) -> list[DeaRegistration]:
        return [row for row in self.registrations if row.is_current(on=self.on)]

    def is_covered(self, registration: DeaRegistration) -> bool:
        """Return True if nothing else is needed to prescribe under a registration."""
        institution = registration.institution_id
        return institution is None or institution in self.listed_at

    @property
    def is_missing_on_list(self) -> bool:
        """Return True if the practice's institution has not listed the practitioner."""
        return (
            self.institution is not None and self.institution.pk not in self.listed_at
        )

    @property
    def license(self) -> StateLicense | None:
        current = (row for row in self.licenses if row.is_current(on=self.on))
        return next(current, None)


def of(provider: Provider, *, practice: Practice, on: date | None = None) -> Standing:
    """Return where a practitioner stands at a practice, today or on a given day."""
    standings = of_each([(provider, practice)], on=on)
    return standings[provider.pk, practice.pk]


def of_each(
    pairs: Iterable[tuple[Provider, Practice]], *, on: date | None = None
) -> dict[tuple[int, int], Standing]:
    """Like `of`, for many; returns {(provider pk, practice pk): standing}."""
    pairs = list(pairs)
    if not pairs:
        return {}
    rows = _Rows(_read(pairs), [provider for provider, _ in pairs])
    return {
        (provider.pk, practice.pk): rows.standing(
            provider, practice, on=on or practice.today()
        )
        for provider, practice in pairs
    }


class _Rows:
    """What one statement read about some practitioners and practices."""

    def __init__(self, answers: dict[str, list[Any]], providers: list[Provider]):
        self.rows = answers
        self.users = {user.pk: user for user in answers["users"]}
        self.institutions = {one.pk: one for one in answers["institutions"]}
        owners = [*providers, *answers["managers"]]
        self.user_of = {provider.pk: provider.user_id for provider in owners}
        for registration in answers["registrations"]:
            if pk := registration.institution_id:
                registration.institution = self.institutions[pk]

    def standing(self, provider: Provider, practice: Practice, *, on: date) -> Standing:
        user_pk = provider.user_id
        grant = self._grant(provider, practice)
        managers = self._managers(practice)
        return Standing(
            provider=provider,
            practice=practice,
            on=on,
            is_active=self.users[user_pk].is_active,
            works_here=self._works_at(practice, user_pk, roles=[Role.PROVIDER]),
            accounts=self._of("accounts", user_id=user_pk),
            devices=tuple(sorted(self._of("devices", user_id=user_pk), key=_by_age)),
            throttle=next(iter(self._of("throttles", user_id=user_pk)), None),
            grant=grant,
            suspensions=self._suspensions(grant),
            registrations=self._in_state("registrations", practice, user_pk),
            licenses=self._in_state("licenses", practice, user_pk),
            institution=self.institutions.get(practice.institution_id or 0),
            listed_at=frozenset(
                listing.institution_id
                for listing in self._of("listings", provider_id=provider.pk)
            ),
            managers=managers,
            registrants=self._registrants(managers, practice, on=on),
        )

    def _of(self, name: str, **values: Any) -> tuple[Any, ...]:
        """Return the rows of a question whose columns have these values."""
        return tuple(
            row
            for row in self.rows[name]
            if all(getattr(row, column) == value for column, value in values.items())
        )

    def _in_state(self, name: str, practice: Practice, user_pk: int) -> tuple[Any, ...]:
        """Return somebody's registrations or licenses for the State of a practice."""
        rows = self._of(name, state=practice.state)
        mine = [row for row in rows if self.user_of[row.provider_id] == user_pk]
        return tuple(sorted(mine, key=lambda row: (row.number, row.pk)))

    def _works_at(self, practice: Practice, user_pk: int, *, roles: list[Role]) -> bool:
        memberships = self._of("memberships", practice_id=practice.pk, user_id=user_pk)
        return any(membership.role in roles for membership in memberships)

    def _grant(self, provider: Provider, practice: Practice) -> AccessGrant | None:
        grants = (
            grant
            for grant in self._of("grants", provider_id=provider.pk)
            if grant.practice_id in (practice.pk, None)
        )
        return min(grants, key=lambda grant: grant.is_provisional, default=None)

    def _suspensions(self, grant: AccessGrant | None) -> tuple[Suspension, ...]:
        suspensions = self._of("suspensions", grant_id=grant.pk) if grant else ()
        return tuple(sorted(suspensions, key=lambda one: (one.at, one.pk)))

    def _managers(self, practice: Practice) -> tuple[User, ...]:
        designees = self._of("designees", practice_id=practice.pk)
        users = [self.users[designee.user_id] for designee in designees]
        return tuple(
            user
            for user in users
            if user.is_active and self._works_at(practice, user.pk, roles=list(Role))
        )

    def _registrants(
        self, managers: tuple[User, ...], practice: Practice, *, on: date
    ) -> frozenset[int]:
        return frozenset(
            manager.pk
            for manager in managers
            if all(
                any(
                    row.is_current(on=on)
                    for row in self._in_state(name, practice, manager.pk)
                )
                for name in ("registrations", "licenses")
            )
        )


def _read(pairs: list[tuple[Provider, Practice]]) -> dict[str, list[Any]]:
    if len(pairs) == 1:
        [(provider, practice)] = pairs
        return _ABOUT_ONE.fetch(
            provider=provider.pk,
            user=provider.user_id,
            practice=practice.pk,
            state=practice.state,
            institution=practice.institution_id or 0,
        )
    questions = _questions(
        [provider for provider, _ in pairs], [practice for _, practice in pairs]
    )
    return dict(zip(questions, fetch(*questions.values()), strict=True))


def _questions_about_one(
    *, provider: int, user: int, practice: int, state: str, institution: int
) -> dict[str, QuerySet[Any]]:
    return _questions(
        [Provider(pk=provider, user_id=user)],
        [Practice(pk=practice, state=state, institution_id=institution)],
    )


def _questions(
    providers: list[Provider], practices: list[Practice]
) -> dict[str, QuerySet[Any]]:
    here = {"practice__in": [practice.pk for practice in practices]}
    owners = {provider.user_id for provider in providers}
    designees = Designee.objects.current().filter(**here)
    people = get_user_model().objects.filter(
        Q(pk__in=owners) | Q(pk__in=designees.values("user"))
    )
    members = Membership.objects.filter(user__in=people.values("pk"), left_on=None)
    return {
        "users": people,
        "memberships": members.filter(**here),
        "designees": designees,
        "managers": Provider.objects.filter(user__in=designees.values("user")),
        **_about_accounts(owners),
        **_about_grants(providers, here),
        **_about_authority(people, practices),
    }


def _about_accounts(owners: set[int]) -> dict[str, QuerySet[Any]]:
    devices = Device.objects.filter(user__in=owners)
    return {
        "accounts": IdmeAccount.objects.filter(user__in=owners),
        "devices": devices.listed() | devices.exclude(lost_primary_at=None),
        "throttles": UserThrottle.objects.filter(user__in=owners),
    }


def _about_grants(
    providers: list[Provider], here: dict[str, list[int]]
) -> dict[str, QuerySet[Any]]:
    mine = {"provider__in": [provider.pk for provider in providers]}
    grants = AccessGrant.objects.current().filter(Q(**here) | Q(practice=None), **mine)
    return {
        "grants": grants,
        "suspensions": Suspension.objects.filter(grant__in=grants.values("pk")),
        "listings": Listing.objects.approved().filter(**mine),
    }


def _about_authority(
    people: QuerySet[User], practices: list[Practice]
) -> dict[str, QuerySet[Any]]:
    theirs = {
        "provider__user__in": people.values("pk"),
        "state__in": {practice.state for practice in practices},
    }
    registrations = DeaRegistration.objects.filter(**theirs)
    own = {practice.institution_id for practice in practices} - {None}
    return {
        "registrations": registrations,
        "licenses": StateLicense.objects.filter(**theirs),
        "institutions": Institution.objects.filter(
            Q(pk__in=registrations.values("institution")) | Q(pk__in=own)
        ),
    }


_ABOUT_ONE = Prepared(_questions_about_one)


def _by_age(device: Device) -> tuple[bool, datetime, int]:
    return not device.is_primary, device.created_at, device.pk
