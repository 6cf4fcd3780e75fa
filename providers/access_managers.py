"""Who manages access at a practice (21 CFR 1311.125(a), 1311.130(b)).

Access managers designate and dismiss each other: one requests, another one approves.
"""

from datetime import date

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from audit import chain
from audit.acts import Act
from foundation.actors import User
from providers import credentialing
from providers.models import (
    DeaRegistration,
    Designee,
    Membership,
    Practice,
    StateLicense,
)

MINIMUM = 2


def of(practice: Practice) -> QuerySet[User]:
    """Return the access managers of a practice who still work there."""
    members = Membership.objects.filter(practice=practice, left_on=None)
    designated = Designee.objects.current().filter(practice=practice)
    return get_user_model().objects.filter(
        is_active=True, pk__in=designated.values("user"), memberships__in=members
    )


def notice_recipients(practice: Practice | None) -> list[User]:
    """Return administrators and the access managers of this practice, or of all."""
    administrators = get_user_model().objects.filter(is_active=True, is_staff=True)
    practices = [practice] if practice else Practice.objects.all()
    managers = (manager for practice in practices for manager in of(practice))
    return list({*administrators, *managers})


def is_access_manager(user: User, *, practice: Practice) -> bool:
    """Return True if this user is designated there and still works there."""
    return of(practice).filter(pk=user.pk).exists()


def is_designated(user: User, *, practice: Practice) -> bool:
    """Return True if this user is designated there, even after leaving."""
    return Designee.objects.current().filter(user=user, practice=practice).exists()


def practices_of(user: User) -> QuerySet[Practice]:
    """Return the practices whose access this user manages."""
    designated = Designee.objects.current().filter(user=user)
    return Practice.objects.visible_to(user).filter(
        pk__in=designated.values("practice")
    )


def registrants(practice: Practice, *, on: date) -> QuerySet[User]:
    """Return the access managers with a current DEA registration and license there."""
    return of(practice).filter(_is_registrant(practice, on=on))


def shortage(practice: Practice) -> str:
    """Return which access managers the practice lacks by law, or ""."""
    managers = of(practice).annotate(
        is_registrant=_is_registrant(practice, on=practice.today())
    )
    is_registrant = managers.values_list("is_registrant", flat=True)
    return shortage_among(list(is_registrant), practice=practice)


def shortage_among(is_registrant: list[bool], *, practice: Practice) -> str:
    """Like `shortage()`, when it is known of each manager who is a registrant."""
    if len(is_registrant) < MINIMUM:
        return f"{practice} has fewer than two people who set access."
    if practice.institution_id or any(is_registrant):
        return ""
    return f"None of those who set access at {practice} is a DEA registrant."


def _is_registrant(practice: Practice, *, on: date) -> Q:
    of_user = {"provider__user": OuterRef("pk"), "state": practice.state}
    registered = DeaRegistration.objects.current(on=on).filter(**of_user)
    licensed = StateLicense.objects.current(on=on).filter(**of_user)
    return Exists(registered) & Exists(licensed)


def objection_to(user: User, *, practice: Practice) -> str:
    """Return why somebody cannot be an access manager of a practice, or ""."""
    members = Membership.objects.filter(user=user, practice=practice, left_on=None)
    if not (user.is_active and members.exists()):
        return f"{user} does not work at {practice}."
    if is_access_manager(user, practice=practice):
        return f"{user} is a designee of {practice} already."
    if practice.institution and credentialing.is_officer(
        user, institution=practice.institution
    ):
        return (
            f"{user} belongs to the proofing office of {practice.institution}. Whoever "
            "proofs practitioners does not also set access."
        )
    return ""


def designate(user: User, *, practice: Practice, by: User | None) -> Designee:
    """Make somebody an access manager, in the transaction of the act behind it."""
    designee = Designee.objects.create(user=user, practice=practice, named_by=by)
    chain.record(Act.DESIGNEE_NAMED, by=by, of=user, practice=str(practice.public_id))
    return designee


def end_designation(user: User, *, practice: Practice, by: User) -> None:
    """End a designation, in the transaction of the act behind it."""
    if Designee.objects.filter(user=user, practice=practice).end(by=by):
        chain.record(
            Act.DESIGNEE_ENDED, by=by, of=user, practice=str(practice.public_id)
        )


def resign(user: User, *, practice: Practice) -> None:
    """End one's own designation at once."""
    with transaction.atomic(durable=True):
        end_designation(user, practice=practice, by=user)
