"""Reports of a problem with a signature: a practitioner did not sign this.

21 CFR 1311.102(j). Signing stops at once, and the access managers and DEA are to be
notified within one business day.
"""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit import chain, incidents
from audit.acts import Act
from audit.models import IncidentKind
from foundation import business_days, notices
from foundation.actors import User
from foundation.refusals import Overtaken
from prescriptions.delivery import cancellation
from prescriptions.models import Prescription, Repudiation, RepudiationKind
from providers import access_managers, identifiers
from providers.access import suspension
from providers.models import Cause


class AlreadyReported(Overtaken):
    """A problem with this signature is reported already."""


def reportable(user: User) -> QuerySet[Prescription]:
    """Return what was signed in this practitioner's name or under their DEA number."""
    attributed = Q(prescriber__user=user) | Q(dea_registration__provider__user=user)
    return Prescription.objects.filter(attributed).exclude(signed_at=None)


def report(
    prescription: Prescription, *, by: User, kind: RepudiationKind, reason: str
) -> Repudiation:
    """Open an incident, suspend the signer, cancel the prescription, notify all.

    Raise AlreadyReported, or Prescription.DoesNotExist if it is not reportable by them.
    """
    with transaction.atomic(durable=True):
        locked = _locked(prescription, by=by)
        suspension.suspend(by.provider, cause=Cause.REPUDIATED, by=by)
        repudiation = _create(locked, by=by, kind=kind, reason=reason)
        if locked.status in cancellation.CANCELLABLE:
            words = f"Reported: {repudiation.get_kind_display()}."
            cancellation.cancel_locked(locked, by=by, reason=words)
        _notify(repudiation, by=by)
        chain.record(
            Act.PRESCRIPTION_REPUDIATED,
            by=by,
            of=locked,
            kind=kind,
            incident=str(repudiation.incident.public_id),
        )
    return repudiation


def _locked(prescription: Prescription, *, by: User) -> Prescription:
    rows = reportable(by).select_for_update(of=["self"], no_key=True)
    locked = rows.get(pk=prescription.pk)
    if Repudiation.objects.filter(prescription=locked).exists():
        raise AlreadyReported("This prescription is reported already.")
    return locked


def _create(
    locked: Prescription, *, by: User, kind: RepudiationKind, reason: str
) -> Repudiation:
    """Write the report and its incident; it is due within one business day."""
    now, zone = timezone.now(), identifiers.zone(locked.practice.time_zone)
    return Repudiation.objects.create(
        prescription=locked,
        reported_by=by,
        kind=kind,
        reason=reason,
        reported_at=now,
        due_at=business_days.due(now, zone=zone),
        incident=incidents.report(IncidentKind.NOT_SIGNED_BY_ME, about=by, of=locked),
    )


def _notify(repudiation: Repudiation, *, by: User) -> None:
    practice = repudiation.prescription.practice
    zone = identifiers.zone(practice.time_zone)
    due = timezone.localtime(repudiation.due_at, zone)
    for person in {by, *access_managers.notice_recipients(practice)}:
        notices.send(
            person,
            subject="A prescription was reported as not signed",
            template="prescriptions/mail/repudiated.txt",
            practitioner=str(by.provider),
            practice=str(practice),
            prescription=str(repudiation.prescription.public_id),
            kind=repudiation.get_kind_display(),
            due=f"{due:%A, %B %-d, %Y, %H:%M %Z}",
        )
