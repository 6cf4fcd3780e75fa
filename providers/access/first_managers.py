"""The first access managers of a practice, whom an administrator designates.

That is all that an administrator does about access (21 CFR 1311.125(a), 1311.130(b)).
"""

from django.db import transaction

from audit import chain
from audit.reasons import Reason
from foundation.actors import User
from foundation.refusals import Refused
from providers import access_managers, permissions
from providers.models import Designee, Practice
from providers.permissions import Permission


class NotDesignated(Refused):
    """The person was not designated; the message says why."""


def designate(user: User, *, practice: Practice, by: User | None) -> Designee:
    """Designate an access manager of a practice that has too few to do so.

    `by` is an administrator, or None: the operator, at the command line. Raises
    NotDesignated.
    """
    with transaction.atomic(durable=True):
        Practice.objects.select_for_update(no_key=True).get(pk=practice.pk)
        refusal = objection_to(user, practice=practice, by=by)
        if not refusal:
            return access_managers.designate(user, practice=practice, by=by)
    chain.denied(by=by, of=practice, reason=Reason.NOT_NAMED)
    raise NotDesignated(refusal)


def objection_to(user: User, *, practice: Practice, by: User | None) -> str:
    """Return why an administrator cannot designate this user there, or ""."""
    if by and not permissions.may(by, Permission.DESIGNATE_FIRST, of=practice):
        return "Only an administrator names the first designees."
    if not access_managers.shortage(practice):
        return (
            f"{practice} has its designees. They name another one themselves: one "
            "enters it under Access, another one executes it."
        )
    return access_managers.objection_to(user, practice=practice)
