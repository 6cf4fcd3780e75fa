"""Whose an auditable event is, and who may read and decide about it."""

from collections.abc import Callable, Iterable
from functools import cache

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
from providers import access_managers
from providers.models import Membership, Practice, Role

OF_PRACTICE = "practice:"  # what happened to something that a practice owns
# How a row leads to its owner; the first that there is counts.
OWNERS = ["practice", "patient", "prescription", "user", "provider", "prescriber"]


def resolver() -> Callable[[Event], Account]:
    """Return what says whom an event is about, remembering the rows it has asked for."""
    owner = cache(lambda subject: owner_of(row_of(subject)))
    return lambda event: Account(event.actor, owner(event.subject) or event.stream)


def visible_to(user) -> IncidentQuerySet:
    """Return what practitioners and designees may read: all but other practices'.

    21 CFR 1311.120(b)(25). What belongs to no practice concerns them all.
    """
    return _of(readable_by(user))


def decided_by(user) -> IncidentQuerySet:
    """Return what a designee of the access controls decides (21 CFR 1311.150(c))."""
    return _of(access_managers.practices_of(user))


def readable_by(user) -> QuerySet[Practice]:
    """Return the practices whose part of the reports somebody may read."""
    works_there = Q(memberships__role=Role.PROVIDER, memberships__user=user)
    works_there &= Q(memberships__left_on=None)
    of_designee = access_managers.practices_of(user).values("pk")
    return Practice.objects.filter(works_there | Q(pk__in=of_designee)).distinct()


def deciders_of(incident: Incident) -> list:
    """Return the designees who have to be told; administrators where there are none."""
    found = [user for user in _designees() if _decides(user, incident)]
    staff = get_user_model().objects.filter(is_active=True, is_staff=True)
    return found or list(staff)


def all_deciders() -> list:
    return _designees() or list(
        get_user_model().objects.filter(is_active=True, is_staff=True)
    )


def _designees() -> list:
    people = {
        user.pk: user
        for practice in Practice.objects.all()
        for user in access_managers.of(practice)
    }
    return list(people.values())


def _decides(user, incident: Incident) -> bool:
    return decided_by(user).filter(pk=incident.pk).exists()


def _of(practices: QuerySet[Practice]) -> IncidentQuerySet:
    if not practices.exists():
        return Incident.objects.none()
    members = _members()
    there = members.filter(practice__in=practices)
    of_none = ~Q(stream__in=members.values("stream")) & ~Q(
        stream__startswith=OF_PRACTICE
    )
    return Incident.objects.filter(
        (Q(stream__in=there.values("stream")) & _of_that_time(practices))
        | Q(stream__in=[stream_of_practice(practice) for practice in practices])
        | of_none
    )


def _of_that_time(practices: QuerySet[Practice]) -> Q:
    """Leave out what somebody did who worked elsewhere then, and not here."""
    then = _members().filter(
        Q(left_on=None) | Q(left_on__gte=OuterRef("at__date")),
        joined_on__lte=OuterRef("at__date"),
        stream=OuterRef("stream"),
    )
    return Exists(then.filter(practice__in=practices)) | ~Exists(then)


def _members():
    """Return all memberships, each with the stream of who it is."""
    stream = Concat(Value("user:"), Cast("user", CharField()), output_field=CharField())
    return Membership.objects.annotate(stream=stream)


def stream_of_practice(practice: Practice) -> str:
    return f"{OF_PRACTICE}{practice.pk}"


def named(incidents: Iterable[Incident]) -> list[tuple[Incident, str]]:
    """Return each incident with whom it is about, where that is not who acted."""
    found = list(incidents)
    streams = {incident.stream for incident in found}
    people = get_user_model().objects.filter(pk__in=_numbers(streams, "user:"))
    names = {user_stream(user): user.get_username() for user in people}
    for practice in Practice.objects.filter(pk__in=_numbers(streams, OF_PRACTICE)):
        names[stream_of_practice(practice)] = practice.name
    about = [(incident, names.get(incident.stream, "")) for incident in found]
    return [(one, name if name != one.username else "") for one, name in about]


def _numbers(streams: set[str], prefix: str) -> list[str]:
    return [one.removeprefix(prefix) for one in streams if one.startswith(prefix)]


def owner_of(row: models.Model | None) -> str:
    """Return the stream of whoever owns a row, if that can be told."""
    for _ in range(3):  # a transmission leads to its prescription, and on
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
    """Return the row that an event is about, if it is still there."""
    label, _, number = subject.partition(":")
    try:
        model = apps.get_model(label)
        name = "public_id" if hasattr(model, "public_id") else "pk"
        return model._default_manager.filter(**{name: number}).first()
    except (LookupError, ValueError, ValidationError):
        return None
