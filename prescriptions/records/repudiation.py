"""“I did not sign this”: what a practitioner found under their DEA number.

21 CFR 1311.102(j). Signing stops at once, and the designees and DEA are to be told
within one business day.
"""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit import chain, incidents
from audit.acts import Act
from audit.models import IncidentKind
from foundation import business_days, notices
from foundation.actors import User
from prescriptions.delivery import cancellation
from prescriptions.models import Prescription, Repudiation, RepudiationKind
from providers import access_managers, identifiers
from providers.access import suspension
from providers.models import Cause


class AlreadyReported(Exception):
    """It is reported; what follows from that is under way."""


def reportable(user: User) -> QuerySet[Prescription]:
    """Return what was signed in this practitioner's name or under their number."""
    theirs = Q(prescriber__user=user) | Q(dea_registration__provider__user=user)
    return Prescription.objects.filter(theirs).exclude(signed_at=None)


def report(
    prescription: Prescription, *, by: User, kind: RepudiationKind, reason: str
) -> Repudiation:
    """Open an incident, stop the right to sign, take the prescription back, tell all.

    Raise AlreadyReported, or Prescription.DoesNotExist for what is not theirs.
    """
    with transaction.atomic(durable=True):
        locked = _locked(prescription, by=by)
        suspension.suspend(by.provider, cause=Cause.REPUDIATED, by=by)
        now, zone = timezone.now(), identifiers.zone(locked.practice.time_zone)
        reported = Repudiation.objects.create(
            prescription=locked,
            reported_by=by,
            kind=kind,
            reason=reason,
            reported_at=now,
            due_at=business_days.due(now, zone=zone),
            incident=incidents.report(
                IncidentKind.NOT_SIGNED_BY_ME, about=by, of=locked
            ),
        )
        if locked.status in cancellation.CANCELLABLE:
            words = f"Reported: {reported.get_kind_display()}."
            cancellation.cancel_locked(locked, by=by, reason=words)
        _tell(reported, by=by)
        chain.record(
            Act.PRESCRIPTION_REPUDIATED,
            by=by,
            of=locked,
            kind=kind,
            incident=str(reported.incident.public_id),
        )
    return reported


def _locked(prescription: Prescription, *, by: User) -> Prescription:
    theirs = reportable(by).select_for_update(of=["self"], no_key=True)
    locked = theirs.get(pk=prescription.pk)
    if Repudiation.objects.filter(prescription=locked).exists():
        raise AlreadyReported("This prescription is reported already.")
    return locked


def _tell(reported: Repudiation, *, by: User) -> None:
    practice = reported.prescription.practice
    zone = identifiers.zone(practice.time_zone)
    due = timezone.localtime(reported.due_at, zone)
    for person in {by, *access_managers.notice_recipients(practice)}:
        notices.send(
            person,
            subject="A prescription was reported as not signed",
            template="prescriptions/mail/repudiated.txt",
            practitioner=str(by.provider),
            practice=str(practice),
            prescription=str(reported.prescription.public_id),
            kind=reported.get_kind_display(),
            due=f"{due:%A, %B %-d, %Y, %H:%M %Z}",
        )
