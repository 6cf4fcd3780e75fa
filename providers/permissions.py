"""Who may do what with access and credentialing lists: one table.

It asks about the person alone; whether the state of things allows the act now, the act
itself asks. Nobody may do anything for being a superuser.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

from audit.reasons import ReasonChoices
from foundation.actors import User
from foundation.refusals import NotPermitted, Refused
from providers import access_managers, credentialing


class AccessRefused(Refused):
    """A change of access, or of who may be given it, was refused."""

    reason: ReasonChoices

    def __init__(self, message: str, *, reason: ReasonChoices) -> None:
        super().__init__(message, reason=reason)


class AccessNotPermitted(AccessRefused, NotPermitted):
    """The person may not make this change of access."""


class Who(Enum):
    """What a person is to the thing that an act is about."""

    ADMINISTRATOR = "an administrator of the portal"
    ACCESS_MANAGER = "an access manager of the practice"
    REQUESTER = "the access manager who requested it"
    HOLDER = "the practitioner whose access it is"
    OFFICER = "an officer of the institution's credentialing office"


class Permission(Enum):
    """An act, or several that the same people may do for the same reason."""

    REQUEST_CHANGE = "request a change of access, or who manages it"
    APPROVE_CHANGE = "approve a change of access that another person requested"
    DECLINE_CHANGE = "decline a request"
    WITHDRAW_REQUEST = "withdraw one's own request"
    GIVE_UP = "give up one's own access"
    DESIGNATE_FIRST = "designate the first access managers of a practice"
    LIST_PRACTITIONERS = "add to the institution's list, approve and remove"
    REMOVE_OFFICER = "end the appointment of an officer"


WHO_MAY: dict[Permission, Who] = {
    # 21 CFR 1311.125(a)-(c), 1311.130(b).
    Permission.REQUEST_CHANGE: Who.ACCESS_MANAGER,
    Permission.APPROVE_CHANGE: Who.ACCESS_MANAGER,
    Permission.DECLINE_CHANGE: Who.ACCESS_MANAGER,
    Permission.WITHDRAW_REQUEST: Who.REQUESTER,
    Permission.GIVE_UP: Who.HOLDER,
    Permission.DESIGNATE_FIRST: Who.ADMINISTRATOR,
    # 21 CFR 1311.130(a), (c), (d).
    Permission.LIST_PRACTITIONERS: Who.OFFICER,
    Permission.REMOVE_OFFICER: Who.OFFICER,
}


def may(user: User, permission: Permission, *, of: Any) -> bool:
    """Return True if this person may do this to the thing it is about.

    `of` is the practice, the request, the provider or the institution.
    """
    return user.is_active and IS[WHO_MAY[permission]](user, of)


IS: dict[Who, Callable[[User, Any], bool]] = {
    Who.ADMINISTRATOR: lambda user, practice: user.is_staff,
    Who.ACCESS_MANAGER: lambda user, practice: access_managers.is_access_manager(
        user, practice=practice
    ),
    Who.REQUESTER: lambda user, request: request.entered_by_id == user.pk,
    Who.HOLDER: lambda user, provider: provider.user_id == user.pk,
    Who.OFFICER: lambda user, institution: credentialing.is_officer(
        user, institution=institution
    ),
}
