"""Who sets the access controls of a practice (21 CFR 1311.125(a), 1311.130(b))."""

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from providers.models import Designee, Membership, Practice


def of(practice: Practice) -> QuerySet:
    """Return the people who are designated there now, and work there."""
    there = Membership.objects.filter(practice=practice, left_on=None)
    designated = Designee.objects.filter(practice=practice, until=None)
    return get_user_model().objects.filter(
        is_active=True,
        pk__in=designated.values("user"),
        memberships__in=there,
    )


def is_designee(user, *, practice: Practice) -> bool:
    return of(practice).filter(pk=user.pk).exists()


def practices_of(user) -> QuerySet[Practice]:
    """Return the practices whose access controls this user sets."""
    return Practice.objects.visible_to(user).filter(
        designees__user=user, designees__until=None
    )
