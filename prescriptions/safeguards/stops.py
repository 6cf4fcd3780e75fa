"""Stop signing at once, everywhere or at one practice; two people restore it.

21 CFR 1311.102(f)-(i), 1311.302. One responsible person stops signing. To restore it,
one person records the fix and a second, an access manager who is a DEA registrant,
approves.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import chain, refusals
from audit.acts import Act
from audit.reasons import Words
from foundation import notices
from foundation.actors import User, Visitor
from foundation.refusals import NotPermitted, Refused
from foundation.statements import fetch
from mfa import challenges
from mfa.models import Challenge, Intent, Purpose
from prescriptions import permissions
from prescriptions.models import SigningStop
from prescriptions.permissions import Permission
from prescriptions.safeguards import releases
from providers import access_managers
from providers.models import Practice

STOPPED = "Signing was stopped at {where} by {by}: {reason}"


class StopRefused(Refused):
    """Signing was not stopped or restored; the message says why."""


class NotResponsible(StopRefused, NotPermitted):
    """Only administrators and access managers stop signing and record the fix."""


def problems(*, by: Visitor | None = None) -> list[str]:
    """Return the stops that keep this user from signing; without `by`, all stops.

    An anonymous visitor only learns that signing has stopped everywhere.
    """
    return problems_in(*fetch(*evidence(by)), by=by)


def evidence(by: Visitor | None) -> list[QuerySet[Any]]:
    """Return what to read for `problems_in`."""
    stops = SigningStop.objects.in_force()
    if by is not None:
        stops = (
            stops.filter(practice=None)
            if by.is_anonymous
            else SigningStop.objects.affecting(by)
        )
    return [
        stops,
        Practice.objects.filter(pk__in=stops.values("practice")),
        get_user_model().objects.filter(pk__in=stops.values("stopped_by")),
    ]


def problems_in(
    stops: list[SigningStop],
    practices: list[Practice],
    users: list[User],
    *,
    by: Visitor | None,
) -> list[str]:
    """Return the stops as people read them, the latest first."""
    if by is not None and by.is_anonymous:
        return ["Signing was stopped."] if stops else []
    practice_of = {practice.pk: practice for practice in practices}
    user_of = {user.pk: user for user in users}
    for stop in stops:
        stop.practice = practice_of.get(stop.practice_id or 0)
        stop.stopped_by = user_of[stop.stopped_by_id]
    latest_first = sorted(stops, key=lambda stop: stop.stopped_at, reverse=True)
    return [describe(stop) for stop in latest_first]


def describe(stop: SigningStop) -> str:
    return STOPPED.format(where=stop.where, by=stop.stopped_by, reason=stop.reason)


def practices_of(user: User) -> QuerySet[Practice]:
    """Return the practices where this user may stop signing; an administrator: all."""
    if permissions.is_administrator(user):
        return Practice.objects.all()
    return access_managers.practices_of(user)


def visible_to(user: User) -> QuerySet[SigningStop]:
    """Return the stops, current and past, that this user is responsible for."""
    if not permissions.may(user, Permission.STOP_SIGNING):
        return SigningStop.objects.none()
    stops = SigningStop.objects.select_related(
        "practice", "stopped_by", "entered_by", "restored_by"
    )
    return stops.filter(practice=None) | stops.filter(practice__in=practices_of(user))


def stop(
    *, by: User, practice: Practice | None, reason: str, fixed_in: str = ""
) -> SigningStop:
    """Stop signing at once, at one practice or, if None, everywhere.

    21 CFR 1311.102(f)-(h). Raise StopRefused.
    """
    with refusals.recorded(Act.PERMISSION_DENIED, by=by, of=practice):
        _require_permission(practice, by=by)
        _require_reason(reason, fixed_in=fixed_in)
    with transaction.atomic(durable=True):
        created = SigningStop.objects.create(
            practice=practice,
            stopped_by=by,
            stopped_at=timezone.now(),
            reason=reason.strip()[:200],
            fixed_in=fixed_in,
        )
        chain.record(
            Act.SIGNING_STOPPED,
            by=by,
            of=created,
            reason=Words(created.reason),
            practice=str(practice.public_id) if practice else "",
            version=fixed_in,
        )
        _notify(created, subject="Signing was stopped", template="stopped")
    return created


def request_restoration(stop: SigningStop, *, by: User, remedy: str) -> SigningStop:
    """Record the fix, as the first of two, and notify those who approve.

    Raise StopRefused.
    """
    with (
        refusals.recorded(Act.PERMISSION_DENIED, by=by, of=stop),
        transaction.atomic(durable=True),
    ):
        locked = _locked(stop)
        _require_permission(locked.practice, by=by)
        if not remedy.strip():
            raise StopRefused("Say what was mended.")
        if locked.entered_by_id not in (None, by.pk):
            raise StopRefused(f"{locked.entered_by} has entered it already.")
        locked.entered_by, locked.entered_at = by, timezone.now()
        locked.remedy = remedy.strip()[:200]
        locked.save()
        chain.record(
            Act.SIGNING_RESTORE_ENTERED, by=by, of=locked, reason=Words(locked.remedy)
        )
        _notify(locked, subject="Signing waits for a second person", template="entered")
    return locked


def restore(
    stop: SigningStop, *, by: User, challenge: Challenge, session_key: str
) -> SigningStop:
    """Restore signing, as the second of two, with both factors.

    Raise StopRefused or challenges.NotProven.
    """
    with (
        refusals.recorded(Act.PERMISSION_DENIED, by=by, of=stop),
        transaction.atomic(durable=True),
    ):
        locked = _locked(stop)
        if reason := restoration_blocker(locked, by=by):
            raise StopRefused(reason)
        challenges.consume(
            challenge,
            Intent(
                by, Purpose.RESTORE_SIGNING, restoration_digest(locked), session_key
            ),
        )
        locked.restored_by, locked.restored_at = by, timezone.now()
        locked.save()
        chain.record(
            Act.SIGNING_RESTORED,
            by=by,
            of=locked,
            challenge=str(challenge.public_id),
        )
    return locked


def restoration_blocker(stop: SigningStop, *, by: User) -> str:
    """Return why this user may not approve the restoration now; empty if they may."""
    if stop.restored_at:
        return "Signing goes on already."
    if not stop.entered_by_id:
        return "First somebody enters what was mended."
    if stop.entered_by_id == by.pk:
        return "You entered it. A second person executes it."
    if not permissions.may(by, Permission.RESTORE_SIGNING, of=stop):
        return (
            f"Only a designee who is a DEA registrant executes it, at {stop.where}."
            if stop.practice
            else "Only a designee who is a DEA registrant executes it."
        )
    if stop.fixed_in and not releases.is_at_least(stop.fixed_in):
        return (
            f"Version {stop.fixed_in} is required before use. This is "
            f"{releases.software_version()}."
        )
    return ""


def restoration_digest(stop: SigningStop) -> str:
    """Return the digest a challenge is bound to: this stop and its recorded fix."""
    return challenges.digest_of(
        "restore_signing",
        stop=str(stop.public_id),
        entered_by=str(stop.entered_by_id),
        entered_at=str(stop.entered_at),
        remedy=stop.remedy,
    )


def _notify(stop: SigningStop, *, subject: str, template: str) -> None:
    for person in access_managers.notice_recipients(stop.practice):
        notices.send(
            person,
            subject=subject,
            template=f"prescriptions/mail/signing_{template}.txt",
            stop=stop,
            address=settings.PORTAL_ORIGIN + stop.get_absolute_url(),
        )


def _locked(stop: SigningStop) -> SigningStop:
    rows = SigningStop.objects.select_for_update(of=["self"], no_key=True)
    locked = rows.select_related("practice", "entered_by").get(pk=stop.pk)
    if locked.restored_at:
        raise StopRefused("Signing goes on already.")
    return locked


def _require_permission(practice: Practice | None, *, by: User) -> None:
    if not permissions.may(by, Permission.STOP_SIGNING, of=practice):
        raise NotResponsible(
            "Only administrators and designees stop and restore signing."
        )


def _require_reason(reason: str, *, fixed_in: str) -> None:
    if not reason.strip():
        raise StopRefused("Say why signing is stopped.")
    if fixed_in and not releases.is_version(fixed_in):
        raise StopRefused("Write the version as numbers, such as 1.2.3.")
