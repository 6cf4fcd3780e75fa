"""Ownership of auditable events: who may read and decide them."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from audit.daily import Account
from audit.models import Event, Incident, user_stream
from audit.models.incidents import IncidentQuerySet
from foundation.actors import User
from providers import access_managers
from providers.models import Membership, Practice, Role

OF_PRACTICE = "practice:"  # stream of what happens to a practice's rows
# Attributes that lead from a row to its owner; the first one set counts.
OWNERS = ["practice", "patient", "prescription", "user", "provider", "prescriber"]


def resolver() -> Callable[[Event], Account]:
    """Return a function that names the account an event is about; it caches rows."""
    owner = cache(lambda subject: owner_of(row_of(subject)))
    return lambda event: Account(event.actor, owner(event.subject) or event.stream)


def visible_to(user: User) -> IncidentQuerySet:
    """Return the incidents that practitioners and access managers may read.

    21 CFR 1311.120(b)(25): those of their practices, and those of no practice.
    """
    return _of(readable_by(user))


def decided_by(user: User) -> IncidentQuerySet:
    """Return the incidents that an access manager decides (21 CFR 1311.150(c))."""
    return _of(access_managers.practices_of(user))


def readable_by(user: User) -> QuerySet[Practice]:
    """Return the practices whose part of the daily reports a user may read."""
    works_there = Q(memberships__role=Role.PROVIDER, memberships__user=user)
    works_there &= Q(memberships__left_on=None)
    managed = access_managers.practices_of(user).values("pk")
    return Practice.objects.filter(works_there | Q(pk__in=managed)).distinct()


def deciders_of(incident: Incident) -> list[User]:
    """Return the access managers to notify; administrators where there are none."""
    deciders = [user for user in _access_managers() if _decides(user, incident)]
    return deciders or _administrators()


def all_deciders() -> list[User]:
    return _access_managers() or _administrators()


def _administrators() -> list[User]:
    return list(get_user_model().objects.filter(is_active=True, is_staff=True))


def _access_managers() -> list[User]:
    people = {
        user.pk: user
        for practice in Practice.objects.all()
        for user in access_managers.of(practice)
    }
    return list(people.values())


def _decides(user: User, incident: Incident) -> bool:
    return decided_by(user).filter(pk=incident.pk).exists()


def _of(practices: QuerySet[Practice]) -> IncidentQuerySet:
    number = Cast("pk", CharField())
    own = practices.annotate(
        stream=Concat(Value(OF_PRACTICE), number, output_field=CharField())
    )
    members = _members()
    colleagues = members.filter(practice__in=practices)
    of_no_practice = ~Q(stream__in=members.values("stream")) & ~Q(
        stream__startswith=OF_PRACTICE
    )
    return Incident.objects.filter(Exists(practices)).filter(
        (Q(stream__in=colleagues.values("stream")) & _of_that_time(practices))
        | Q(stream__in=own.values("stream"))
        | of_no_practice
    )


def _of_that_time(practices: QuerySet[Practice]) -> Q:
    """Leave out acts of people who worked at another practice then, and not here."""
    then = _members().filter(
        Q(left_on=None) | Q(left_on__gte=OuterRef("at__date")),
        joined_on__lte=OuterRef("at__date"),
        stream=OuterRef("stream"),
    )
    return Exists(then.filter(practice__in=practices)) | ~Exists(then)


def _members() -> QuerySet[Any]:
    """Return all memberships, each with the stream of its user."""
    stream = Concat(Value("user:"), Cast("user", CharField()), output_field=CharField())
    return Membership.objects.annotate(stream=stream)


def stream_of_practice(practice: Practice) -> str:
    return f"{OF_PRACTICE}{practice.pk}"


def named(incidents: Iterable[Incident]) -> list[tuple[Incident, str]]:
    """Return each incident with the name it is about, empty if that is its actor."""
    listed = list(incidents)
    streams = {incident.stream for incident in listed}
    people = get_user_model().objects.filter(pk__in=_numbers(streams, "user:"))
    names = {user_stream(user): user.get_username() for user in people}
    for practice in Practice.objects.filter(pk__in=_numbers(streams, OF_PRACTICE)):
        names[stream_of_practice(practice)] = practice.name
    about = [(incident, names.get(incident.stream, "")) for incident in listed]
    return [
        (incident, name if name != incident.username else "")
        for incident, name in about
    ]


def _numbers(streams: set[str], prefix: str) -> list[str]:
    return [
        stream.removeprefix(prefix) for stream in streams if stream.startswith(prefix)
    ]


def owner_of(row: models.Model | None) -> str:
    """Return the stream of the row's owner, empty if it has none."""
    for _ in range(3):  # such as transmission, prescription, practice
        match row:
            case None:
                return ""
            case Incident():
                return row.stream
            case Practice():
                return stream_of_practice(row)
            case AbstractBaseUser():
                return user_stream(row)
        row = next(filter(None, (getattr(row, name, None) for name in OWNERS)), None)
    return ""


def row_of(subject: str) -> models.Model | None:
    """Return the row that an event is about, if it still exists."""
    label, _, number = subject.partition(":")
    try:
        model = apps.get_model(label)
        name = "public_id" if hasattr(model, "public_id") else "pk"
        return model._default_manager.filter(**{name: number}).first()
    except (LookupError, ValueError, ValidationError):
        return None
