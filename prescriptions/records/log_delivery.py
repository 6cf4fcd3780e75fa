"""The monthly log reaches its practitioner within seven days, or somebody is told.

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

# What was signed just before midnight is in the archive by then.
SETTLED_AFTER = timedelta(hours=1)
MAIL_AGAIN_AFTER = timedelta(minutes=10)  # whoever made the log has mailed it by then


def run() -> None:
    """Make what is missing, tell its practitioners, and raise the alarm about the rest."""
    made = make_due()
    alert_overdue()
    late = timezone.now() - MAIL_AGAIN_AFTER
    waiting = PrescriptionLog.objects.monthly().undelivered()
    for log in [*made, *waiting.filter(made_at__lt=late)]:
        mail(log)


def make_due() -> list[PrescriptionLog]:
    """Make the log of every month that is over, for all who could sign in it."""
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
    """Tell a practitioner by e-mail that a log is there; no patient is named."""
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
    return _record_delivery(log, how="mailed_at", channel="mail", by=None)


def record_opened(log: PrescriptionLog, *, by: User) -> None:
    """Note that a practitioner opened a monthly log for the first time."""
    if log.is_monthly and log.opened_at is None:
        _record_delivery(log, how="opened_at", channel="page", by=by)


def confirm(log: PrescriptionLog, *, by: User) -> None:
    """Note that a practitioner looked through a log and found nothing wrong."""
    with transaction.atomic(durable=True):
        unseen = PrescriptionLog.objects.visible_to(by).filter(confirmed_at=None)
        if unseen.filter(pk=log.pk).update(confirmed_at=timezone.now()):
            chain.record(Act.LOG_CONFIRMED, by=by, of=log)


def alert_overdue() -> int:
    """Tell those who set access controls of each log that is not delivered in time."""
    raised = 0
    for log in _overdue():
        with transaction.atomic(durable=True):
            fresh = PrescriptionLog.objects.undelivered().filter(overdue_at=None)
            if not fresh.filter(pk=log.pk).update(overdue_at=timezone.now()):
                continue
            for person in access_managers.notice_recipients(log.practice):
                notices.send(
                    person,
                    subject="A monthly prescription log is overdue",
                    template="prescriptions/mail/log_overdue.txt",
                    practitioner=str(log.provider),
                    month=f"{log.first_day:%B %Y}",
                    due_on=f"{log.due_on:%B %-d, %Y}",
                )
            chain.record(
                Act.LOG_OVERDUE,
                by=None,
                of=log,
                outcome=Outcome.FAILURE,
                period=f"{log.first_day} to {log.last_day}",
            )
            raised += 1
    return raised


def _record_delivery(
    log: PrescriptionLog, *, how: str, channel: str, by: User | None
) -> bool:
    with transaction.atomic(durable=True):
        first = PrescriptionLog.objects.filter(pk=log.pk, **{how: None})
        if not first.update(**{how: timezone.now()}):
            return False
        chain.record(Act.LOG_DELIVERED, by=by, of=log, channel=channel)
    return True


def _overdue() -> Iterator[PrescriptionLog]:
    waiting = PrescriptionLog.objects.monthly().undelivered().filter(overdue_at=None)
    for log in waiting.select_related("practice", "provider").order_by("pk"):
        if log.due_on and log.due_on < log.practice.today():
            yield log


def _practitioners(practice: Practice) -> list[Provider]:
    member = Provider.objects.filter(
        user__memberships__practice=practice,
        user__memberships__role=Role.PROVIDER,
        access_grants__isnull=False,
    )
    issuers = Provider.objects.filter(prescriptions__practice=practice)
    pks = {*member.values_list("pk", flat=True), *issuers.values_list("pk", flat=True)}
    return list(Provider.objects.filter(pk__in=pks).order_by("pk"))


def _missing(provider: Provider, practice: Practice) -> list[date]:
    """Return the first days of months that are over and have no log."""
    zone = identifiers.zone(practice.time_zone)
    settled = timezone.localtime(timezone.now() - SETTLED_AFTER, zone).date()
    made = PrescriptionLog.objects.monthly().filter(
        provider=provider, practice=practice
    )
    issued = Prescription.objects.filter(
        prescriber=provider, practice=practice, issued_on__isnull=False
    )
    wanted = {
        *_months_with_right_to_sign(provider, practice, until=settled),
        *issued.dates("issued_on", "month"),
    }
    over = {month for month in wanted if dates.end_of_month(month) < settled}
    return sorted(over - set(made.values_list("first_day", flat=True)))


def _months_with_right_to_sign(
    provider: Provider, practice: Practice, *, until: date
) -> Iterator[date]:
    """Yield each month in which somebody who works there had the right to sign."""
    zone = identifiers.zone(practice.time_zone)
    stays = Membership.objects.filter(
        user=provider.user_id, practice=practice, role=Role.PROVIDER
    ).values_list("joined_on", "left_on")
    there = provider.access_grants.filter(Q(practice=practice) | Q(practice=None))
    grants = there.values_list("granted_at", "revoked_at")
    for granted_at, revoked_at in grants:
        given = timezone.localtime(granted_at, zone).date()
        ended = timezone.localtime(revoked_at, zone).date() if revoked_at else until
        for joined, left in stays:
            yield from _months(max(given, joined), min(ended, left or until))


def _months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = dates.end_of_month(month) + timedelta(days=1)
