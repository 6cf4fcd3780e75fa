"""Delivery of the monthly log within seven days, or an alert.

21 CFR 1311.120(b)(27)(i).
"""

import logging
import smtplib
from collections.abc import Iterator
from datetime import date, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from foundation import notices
from foundation.actors import User
from prescriptions import dates
from prescriptions.models import Prescription, PrescriptionLog
from prescriptions.records import logs
from providers import access_managers, identifiers
from providers.models import Membership, Practice, Provider, Role

logger = logging.getLogger(__name__)

# After midnight: by then, what was signed just before it is in the archive.
ARCHIVED_AFTER = timedelta(hours=1)
MAIL_AGAIN_AFTER = timedelta(minutes=10)  # by then, the worker that made it mailed it


def run() -> None:
    """Make the missing logs, mail their practitioners, and alert about overdue ones."""
    made = make_due()
    alert_overdue()
    late = timezone.now() - MAIL_AGAIN_AFTER
    waiting = PrescriptionLog.objects.monthly().undelivered()
    for log in [*made, *waiting.filter(made_at__lt=late)]:
        mail(log)


def make_due() -> list[PrescriptionLog]:
    """Make and return the missing logs of past months, for all who could sign then."""
    made = []
    for practice in Practice.objects.order_by("pk"):
        for provider in _practitioners(practice):
            for month in _missing(provider, practice):
                try:
                    log = logs.make_monthly(provider, practice=practice, month=month)
                except IntegrityError:
                    continue  # another worker was faster
                made.append(log)
    return made


def mail(log: PrescriptionLog) -> bool:
    """Mail a practitioner that a log is ready; return True if it was sent."""
    user = log.provider.user
    if not (user.email and user.is_active):
        return False
    address = settings.PORTAL_ORIGIN + reverse("log-list")
    text = render_to_string(
        "prescriptions/mail/log.txt", {"user": user, "log": log, "address": address}
    )
    try:
        send_mail(
            f"Your prescription log of {log.first_day:%B %Y}", text, None, [user.email]
        )
    except (OSError, smtplib.SMTPException):
        logger.exception("A log could not be announced.")
        return False
    return _record_delivery(log, field="mailed_at", channel="mail", by=None)


def record_opened(log: PrescriptionLog, *, by: User) -> None:
    """Record that a practitioner opened a monthly log for the first time."""
    if log.is_monthly and log.opened_at is None:
        _record_delivery(log, field="opened_at", channel="page", by=by)


def confirm(log: PrescriptionLog, *, by: User) -> None:
    """Record that a practitioner reviewed a log and found nothing wrong."""
    with transaction.atomic(durable=True):
        unconfirmed = PrescriptionLog.objects.visible_to(by).filter(confirmed_at=None)
        if unconfirmed.filter(pk=log.pk).update(confirmed_at=timezone.now()):
            chain.record(Act.LOG_CONFIRMED, by=by, of=log)


def alert_overdue() -> int:
    """Alert the access managers about each overdue log; return how many."""
    alerted = 0
    for log in _overdue():
        with transaction.atomic(durable=True):
            if not _claim_alert(log):
                continue
            _notify_access_managers(log)
            chain.record(
                Act.LOG_OVERDUE,
                by=None,
                of=log,
                outcome=Outcome.FAILURE,
                period=f"{log.first_day} to {log.last_day}",
            )
            alerted += 1
    return alerted


def _claim_alert(log: PrescriptionLog) -> bool:
    """Note that this log is overdue; False if another worker did or it is delivered."""
    unalerted = PrescriptionLog.objects.undelivered().filter(overdue_at=None)
    return bool(unalerted.filter(pk=log.pk).update(overdue_at=timezone.now()))


def _notify_access_managers(log: PrescriptionLog) -> None:
    for person in access_managers.notice_recipients(log.practice):
        notices.send(
            person,
            subject="A monthly prescription log is overdue",
            template="prescriptions/mail/log_overdue.txt",
            practitioner=str(log.provider),
            month=f"{log.first_day:%B %Y}",
            due_on=f"{log.due_on:%B %-d, %Y}",
        )


def _record_delivery(
    log: PrescriptionLog, *, field: str, channel: str, by: User | None
) -> bool:
    """Set a time of delivery once and record it; False if it was set before."""
    with transaction.atomic(durable=True):
        unset = PrescriptionLog.objects.filter(pk=log.pk, **{field: None})
        if not unset.update(**{field: timezone.now()}):
            return False
        chain.record(Act.LOG_DELIVERED, by=by, of=log, channel=channel)
    return True


def _overdue() -> Iterator[PrescriptionLog]:
    undelivered = (
        PrescriptionLog.objects.monthly().undelivered().filter(overdue_at=None)
    )
    for log in undelivered.select_related("practice", "provider").order_by("pk"):
        if log.due_on and log.due_on < log.practice.today():
            yield log


def _practitioners(practice: Practice) -> list[Provider]:
    """Return who works there with a grant, and who issued prescriptions there."""
    members = Provider.objects.filter(
        user__memberships__practice=practice,
        user__memberships__role=Role.PROVIDER,
        access_grants__isnull=False,
    )
    issuers = Provider.objects.filter(prescriptions__practice=practice)
    pks = {*members.values_list("pk", flat=True), *issuers.values_list("pk", flat=True)}
    return list(Provider.objects.filter(pk__in=pks).order_by("pk"))


def _missing(provider: Provider, practice: Practice) -> list[date]:
    """Return the first days of past months that have no log."""
    zone = identifiers.zone(practice.time_zone)
    archived = timezone.localtime(timezone.now() - ARCHIVED_AFTER, zone).date()
    made = PrescriptionLog.objects.monthly().filter(
        provider=provider, practice=practice
    )
    issued = Prescription.objects.filter(
        prescriber=provider, practice=practice, issued_on__isnull=False
    )
    months = {
        *_months_with_access(provider, practice, until=archived),
        *issued.dates("issued_on", "month"),
    }
    past = {month for month in months if dates.end_of_month(month) < archived}
    return sorted(past - set(made.values_list("first_day", flat=True)))


def _months_with_access(
    provider: Provider, practice: Practice, *, until: date
) -> Iterator[date]:
    """Yield each month in which a provider worked there and had a grant to sign."""
    zone = identifiers.zone(practice.time_zone)
    stays = Membership.objects.filter(
        user=provider.user_id, practice=practice, role=Role.PROVIDER
    ).values_list("joined_on", "left_on")
    grants = provider.access_grants.filter(Q(practice=practice) | Q(practice=None))
    for granted_at, revoked_at in grants.values_list("granted_at", "revoked_at"):
        granted = timezone.localtime(granted_at, zone).date()
        ended = timezone.localtime(revoked_at, zone).date() if revoked_at else until
        for joined, left in stays:
            yield from _months(max(granted, joined), min(ended, left or until))


def _months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = dates.end_of_month(month) + timedelta(days=1)
