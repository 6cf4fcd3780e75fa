"""Who may do what: one table of acts, and of the people who may do each.

It asks about the person alone; whether the state of things allows the act now, the act
itself asks. Nobody may do anything for being a superuser.
"""

from collections.abc import Callable, Collection
from enum import Enum
from typing import Any

from django.db.models import QuerySet

from foundation.actors import User
from providers import access_managers
from providers.models import Membership, Practice, Role


class Who(Enum):
    """What a person is to the thing that an act is about."""

    PRACTITIONER = "the practitioner named on the prescription"
    SIGNATORY = "the practitioner in whose name or under whose number it was signed"
    OWNER = "the practitioner whose records they are"
    WRITER = "a provider or agent of the practice"
    MEMBER = "anybody who works at the practice"
    ACCESS_MANAGER = "an access manager of the practice"
    REGISTRANT = "an access manager of the practice who is a DEA registrant"
    ADMINISTRATOR = "an administrator of the portal"


class Permission(Enum):
    """An act, or several that the same people may do for the same reason."""

    WRITE = "create, edit, discard or copy a prescription"
    KEEP_PATIENTS = "add or edit a patient"
    PRINT = "print a copy, an original or a medication list"
    CANCEL = "cancel or replace a signed prescription"
    ANSWER_PHARMACY = "deny a pharmacy's request or write what answers it"
    SEND_AGAIN = "send a waiting message at once"
    SIGN = "mark a prescription ready, undo that, or sign it"
    REPORT_SIGNATURE = "report a problem with a signature"
    MAKE_LOG = "make a log of what a practitioner signed"
    EXPORT_OWN = "export one practitioner's records"
    EXPORT_PRACTICE = "export the records of a whole practice"
    STOP_SIGNING = "stop signing, or record the fix; see the system's status"
    RESTORE_SIGNING = "approve, as a second person, that signing goes on"
    CERTIFY = "enter or confirm a report of an audit, or record its notices"
    DECIDE_SCHEDULE = "decide on the schedule of a drug"


WHO_MAY: dict[Permission, list[Who]] = {
    # 21 CFR 1311.135(a): an agent may prepare everything but the signature.
    Permission.WRITE: [Who.WRITER],
    Permission.KEEP_PATIENTS: [Who.WRITER],
    Permission.PRINT: [Who.WRITER],
    Permission.CANCEL: [Who.WRITER],
    Permission.ANSWER_PHARMACY: [Who.WRITER],
    Permission.SEND_AGAIN: [Who.MEMBER],
    # 21 CFR 1311.120(b)(10), 1311.140(a).
    Permission.SIGN: [Who.PRACTITIONER],
    # 21 CFR 1311.102(j).
    Permission.REPORT_SIGNATURE: [Who.SIGNATORY],
    # 21 CFR 1311.120(b)(27), 1311.305(c).
    Permission.MAKE_LOG: [Who.OWNER],
    Permission.EXPORT_OWN: [Who.OWNER],
    Permission.EXPORT_PRACTICE: [Who.ACCESS_MANAGER],
    # 21 CFR 1311.102(f)-(i), 1311.125(c).
    Permission.STOP_SIGNING: [Who.ADMINISTRATOR, Who.ACCESS_MANAGER],
    Permission.RESTORE_SIGNING: [Who.REGISTRANT],
    # 21 CFR 1311.300.
    Permission.CERTIFY: [Who.ADMINISTRATOR],
    Permission.DECIDE_SCHEDULE: [Who.ADMINISTRATOR],
}


def may(user: User, permission: Permission, *, of: Any = None) -> bool:
    """Return True if this person may do this to the thing it is about.

    `of` is a row of a practice, or the practice itself, and a provider for the records
    of one. None, or a stop of no practice: any practice of theirs will do.
    """
    return user.is_active and any(IS[who](user, of) for who in WHO_MAY[permission])


def allows(permission: Permission, people: Collection[Who]) -> bool:
    """Return True if one of these may do this; for whom it is known what they are."""
    return any(who in people for who in WHO_MAY[permission])


def is_administrator(user: User) -> bool:
    """Return True for an active administrator; a superuser alone is none."""
    return user.is_active and user.is_staff


def _is_administrator(user: User, of: Any) -> bool:
    return is_administrator(user)


def _is_practitioner(user: User, of: Any) -> bool:
    return of.prescriber.user_id == user.pk


def _is_signatory(user: User, of: Any) -> bool:
    registration = of.dea_registration
    if registration is None or registration.provider_id == of.prescriber_id:
        return _is_practitioner(user, of)
    return _is_practitioner(user, of) or _is_owner(user, registration.provider)


def _is_owner(user: User, of: Any) -> bool:
    return of.user_id == user.pk


def _is_writer(user: User, of: Any) -> bool:
    members = Membership.objects.filter(
        user=user, left_on=None, practice=of.practice_id
    )
    return members.filter(role__in=[Role.PROVIDER, Role.AGENT]).exists()


def _is_member(user: User, of: Any) -> bool:
    return Practice.objects.visible_to(user).filter(pk=of.practice_id).exists()


def _is_access_manager(user: User, of: Any) -> bool:
    return _managed(user, of).exists()


def _is_registrant(user: User, of: Any) -> bool:
    return any(_counts_as_registrant(user, each) for each in _managed(user, of))


def _counts_as_registrant(user: User, practice: Practice) -> bool:
    """Return True for a registrant, and at an institution for any access manager."""
    if practice.institution_id:
        return True
    registrants = access_managers.registrants(practice, on=practice.today())
    return registrants.filter(pk=user.pk).exists()


def _managed(user: User, of: Any) -> QuerySet[Practice]:
    """Return the practice of a row if the user manages it; for None, all."""
    practice = of if of is None or isinstance(of, Practice) else of.practice
    managed = access_managers.practices_of(user)
    return managed.filter(pk=practice.pk) if practice else managed


IS: dict[Who, Callable[[User, Any], bool]] = {
    Who.PRACTITIONER: _is_practitioner,
    Who.SIGNATORY: _is_signatory,
    Who.OWNER: _is_owner,
    Who.WRITER: _is_writer,
    Who.MEMBER: _is_member,
    Who.ACCESS_MANAGER: _is_access_manager,
    Who.REGISTRANT: _is_registrant,
    Who.ADMINISTRATOR: _is_administrator,
}
