"""Who sets the access controls of a practice (21 CFR 1311.125(a), 1311.130(b)).

The first ones are named by an administrator, who can do no more than that: from then
on designees name and end each other, two by two.
"""

from datetime import date

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from audit import chain
from audit.acts import Act
from providers import credentialing
from providers.models import (
    DeaRegistration,
    Designee,
    Membership,
    Practice,
    Provider,
    StateLicense,
)

MINIMUM = 2


class NotDesignated(Exception):
    """The designee was not named; the message says why."""


def of(practice: Practice) -> QuerySet:
    """Return the people who are designated there now, and work there."""
    there = Membership.objects.filter(practice=practice, left_on=None)
    designated = Designee.objects.filter(practice=practice, until=None)
    return get_user_model().objects.filter(
        is_active=True, pk__in=designated.values("user"), memberships__in=there
    )


def notice_recipients(practice: Practice | None) -> list:
    """Return who sets access at a practice, or anywhere, and the administrators."""
    users = get_user_model().objects.filter(is_active=True)
    practices = [practice] if practice else Practice.objects.all()
    administrators = users.filter(is_staff=True)
    return list({*administrators, *(who for one in practices for who in of(one))})


def is_access_manager(user, *, practice: Practice) -> bool:
    return of(practice).filter(pk=user.pk).exists()


def is_designated(user, *, practice: Practice) -> bool:
    """Say the same of somebody who may have left since."""
    return Designee.objects.filter(user=user, practice=practice, until=None).exists()


def practices_of(user) -> QuerySet[Practice]:
    """Return the practices whose access controls this user sets."""
    designated = Designee.objects.filter(user=user, until=None)
    return Practice.objects.visible_to(user).filter(
        pk__in=designated.values("practice")
    )


def registrants(practice: Practice, *, on: date) -> QuerySet:
    """Return the designees with a DEA registration and a State license for there."""
    return of(practice).filter(_is_registrant(practice, on=on))


def shortage(practice: Practice, *, but_for: Provider | None = None) -> str:
    """Say what is missing of the designees that the law asks for; empty if nothing.

    `but_for` is a registrant whose own lapse is told already, and no shortage.
    """
    is_registrant = _is_registrant(practice, on=practice.today())
    found = dict(of(practice).annotate(able=is_registrant).values_list("pk", "able"))
    if but_for and but_for.user_id in found:
        found[but_for.user_id] = True
    if len(found) < MINIMUM:
        return f"{practice} has fewer than two people who set access."
    if practice.institution_id or any(found.values()):
        return ""
    return f"None of those who set access at {practice} is a DEA registrant."


def _is_registrant(practice: Practice, *, on: date) -> Q:
    of_user = {"provider__user": OuterRef("pk"), "state": practice.state}
    registered = DeaRegistration.objects.current(on=on).filter(**of_user)
    licensed = StateLicense.objects.current(on=on).filter(**of_user)
    return Exists(registered) & Exists(licensed)


def designate_first(user, *, practice: Practice, by) -> Designee:
    """Name a designee while there are too few to name each other; raise NotDesignated.

    `by` is an administrator, or nobody: the operator, at the command line.
    """
    with transaction.atomic(durable=True):
        Practice.objects.select_for_update(no_key=True).get(pk=practice.pk)
        refusal = objection_to_first(user, practice=practice, by=by)
        if not refusal:
            return designate(user, practice=practice, by=by)
    chain.denied(by=by, of=practice, reason="not_named")
    raise NotDesignated(refusal)


def objection_to_first(user, *, practice: Practice, by) -> str:
    """Say why an administrator cannot name this designee; empty if they can."""
    if by is not None and not (by.is_active and by.is_staff):
        return "Only an administrator names the first designees."
    if not shortage(practice):
        return (
            f"{practice} has its designees. They name another one themselves: one "
            "enters it under Access, another one executes it."
        )
    return objection_to(user, practice=practice)


def objection_to(user, *, practice: Practice) -> str:
    """Say why somebody cannot be a designee of a practice; empty if they can."""
    there = Membership.objects.filter(user=user, practice=practice, left_on=None)
    if not (user.is_active and there.exists()):
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


def designate(user, *, practice: Practice, by) -> Designee:
    """Make somebody a designee, in the transaction of the act that decided it."""
    named = Designee.objects.create(user=user, practice=practice, named_by=by)
    chain.record(Act.DESIGNEE_NAMED, by=by, of=user, practice=str(practice.public_id))
    return named


def end_designation(user, *, practice: Practice, by) -> bool:
    """End a designation, in the transaction of the act that decided it."""
    ended = Designee.objects.filter(user=user, practice=practice, until=None).update(
        until=timezone.now(), ended_by=by
    )
    if ended:
        chain.record(
            Act.DESIGNEE_ENDED, by=by, of=user, practice=str(practice.public_id)
        )
    return bool(ended)


def resign(user, *, practice: Practice) -> None:
    """End one's own designation at once."""
    with transaction.atomic(durable=True):
        end_designation(user, practice=practice, by=user)
