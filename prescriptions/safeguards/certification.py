"""The third-party audit that a live pharmacy network requires.

21 CFR 1311.100(b)(2), 1311.300: an audit of this version, at most two years old.
21 CFR 1311.102(d), (e): only for the capabilities that the report confirms.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Unpack

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import chain
from audit.acts import Act
from audit.catalog import Detail
from audit.reasons import Reason
from foundation import business_days
from foundation.actors import User
from foundation.blockers import Blocker
from foundation.refusals import NotPermitted, Refused
from prescriptions import permissions
from prescriptions.models import (
    REQUIRED,
    Capability,
    Finding,
    Prescription,
    ThirdPartyAudit,
)
from prescriptions.network_settings import script_settings
from prescriptions.permissions import Permission
from prescriptions.rules.elements import is_ghb
from prescriptions.safeguards import hosts
from prescriptions.safeguards.releases import software_version
from providers.models import Schedule

DAYS_TO_TELL_REGISTRANTS = 5  # business days; 21 CFR 1311.300

ADVERSE = "An audit found that this version must not be used: {audit}."
DEMONSTRATION = "A demonstration must not reach a live pharmacy network."
NOT_PLAIN = "The address of a live pharmacy network has to be a plain https address."
NOT_CERTIFIED = (
    "The live pharmacy network is locked: no third-party audit of the last two years "
    "covers version {version}."
)
NOTICES = {"dea": "told_dea_at", "registrants": "told_registrants_at"}


class ReportRefused(Refused):
    """The report was not entered or confirmed; the message says why."""


class NotAdministrator(ReportRefused, NotPermitted):
    """Only an administrator enters and confirms reports."""


def problems() -> list[str]:
    """Return the legal problems with this version here; an empty list means none."""
    return problems_in(list(of_this_version()))


def of_this_version() -> QuerySet[ThirdPartyAudit]:
    """Return the reports on this version."""
    return ThirdPartyAudit.objects.filter(software_version=software_version())


def problems_in(reports: list[ThirdPartyAudit]) -> list[str]:
    """Return the legal problems with this version that these reports on it leave."""
    adverse = _adverse(reports)
    texts = [ADVERSE.format(audit=adverse) if adverse else "", _lock_reason(reports)]
    return [text for text in texts if text]


def lock_reason() -> str:
    """Return why the live pharmacy network is locked; empty if it is not."""
    return _lock_reason(list(of_this_version())) if is_live() else ""


def is_live() -> bool:
    """Return True if prescriptions sent from here could be dispensed."""
    test_hosts = script_settings().test_hosts if settings.DEMO else []
    return hosts.is_live(script_settings().network_url, test_hosts=test_hosts)


def current_report() -> ThirdPartyAudit | None:
    """Return the report that covers this version today, or None."""
    return current_among(list(of_this_version()))


def current_among(reports: list[ThirdPartyAudit]) -> ThirdPartyAudit | None:
    """Return the newest of these if it is compliant, confirmed and not expired."""
    effective = [
        report
        for report in _newest_first(reports)
        if report.is_confirmed or _is_adverse(report)
    ]
    if not effective or _is_adverse(effective[0]):
        return None
    newest, today = effective[0], timezone.localdate()
    return newest if newest.reported_on <= today < newest.expires_on else None


def blockers(
    prescriptions: Iterable[Prescription], *, reports: list[ThirdPartyAudit]
) -> list[Blocker]:
    """Return a blocker for each capability needed that the report does not cover."""
    if not is_live():
        return []
    report = current_among(reports)
    covered = set(report.capabilities) if report else set()
    needed = set[Capability]().union(*map(_needed, prescriptions))
    return [
        Blocker(
            f"The audit of this version does not cover: {capability.label}.",
            "Write it on paper.",
        )
        for capability in sorted(needed - covered)
    ]


def enter(report: ThirdPartyAudit, *, by: User) -> ThirdPartyAudit:
    """Save and record a report; a compliant one counts after a second administrator.

    An adverse one counts at once and sets the deadlines of its notices (1311.300).
    Raise ReportRefused.
    """
    _require_permission(by, report=None)
    _require_complete(report)
    report.entered_by, report.entered_at = by, timezone.now()
    if _is_adverse(report):
        _set_notice_deadlines(report)
    with transaction.atomic(durable=True):
        report.save(force_insert=True)
        _record(Act.CERTIFICATION_ENTERED, report, by=by, status=report.finding)
    return report


def confirm(report: ThirdPartyAudit, *, by: User) -> None:
    """Confirm, as a second administrator, a report as entered; raise ReportRefused."""
    _require_permission(by, report=report)
    with transaction.atomic(durable=True):
        locked = ThirdPartyAudit.objects.select_for_update(no_key=True)
        report = locked.get(pk=report.pk)
        if report.entered_by_id == by.pk:
            raise ReportRefused("Another administrator confirms what you entered.")
        if report.is_confirmed:
            raise ReportRefused("It is confirmed already.")
        report.confirmed_by, report.confirmed_at = by, timezone.now()
        report.save()
        _record(Act.CERTIFICATION_CONFIRMED, report, by=by)


def record_notice(report: ThirdPartyAudit, whom: str, *, by: User) -> None:
    """Record that DEA or the registrants got notice of an adverse report.

    `whom` is a key of NOTICES. Raise ReportRefused if it is recorded already.
    """
    _require_permission(by, report=report)
    with transaction.atomic(durable=True):
        unnotified = ThirdPartyAudit.objects.filter(
            pk=report.pk, finding=Finding.ADVERSE, **{NOTICES[whom]: None}
        )
        if not unnotified.update(**{NOTICES[whom]: timezone.now()}):
            raise ReportRefused("That is noted already.")
        chain.record(Act.CERTIFICATION_TOLD, by=by, of=report, source=whom)


def overdue(report: ThirdPartyAudit, *, today: date) -> list[str]:
    """Return who should have received notice of an adverse report before today."""
    notices: list[tuple[str, date | None, datetime | None]] = [
        ("DEA", report.tell_dea_by, report.told_dea_at),
        ("the registrants", report.tell_registrants_by, report.told_registrants_at),
    ]
    return [
        whom
        for whom, due_on, given_at in notices
        if due_on and due_on < today and not given_at
    ]


def _record(
    act: Act, report: ThirdPartyAudit, *, by: User, **detail: Unpack[Detail]
) -> None:
    detail["version"] = report.software_version
    detail["digest"] = report.report_digest
    chain.record(act, by=by, of=report, **detail)


def _lock_reason(reports: list[ThirdPartyAudit]) -> str:
    if not is_live():
        return ""
    if settings.DEMO:
        return DEMONSTRATION
    if not hosts.is_plain_https(script_settings().network_url):
        return NOT_PLAIN
    if not current_among(reports):
        return NOT_CERTIFIED.format(version=software_version())
    return ""


def _adverse(reports: list[ThirdPartyAudit]) -> ThirdPartyAudit | None:
    """Return the newest adverse report, unless a compliant one supersedes it."""
    if current_among(reports):
        return None
    return next(filter(_is_adverse, _newest_first(reports)), None)


def _newest_first(reports: list[ThirdPartyAudit]) -> list[ThirdPartyAudit]:
    return sorted(reports, key=lambda one: (one.reported_on, one.pk), reverse=True)


def _is_adverse(report: ThirdPartyAudit) -> bool:
    return report.finding == Finding.ADVERSE


def _needed(prescription: Prescription) -> set[Capability]:
    """Return the capabilities that this prescription needs."""
    needed = set(REQUIRED)
    if is_ghb(prescription.drug):
        needed.add(Capability.GHB)
    if prescription.schedule == Schedule.II and prescription.earliest_fill_on:
        needed.add(Capability.SERIES)
    registration = prescription.dea_registration
    if registration and registration.institution_id:
        needed.add(Capability.INSTITUTION)
    return needed


def _set_notice_deadlines(report: ThirdPartyAudit) -> None:
    """Give DEA one business day, the registrants five (21 CFR 1311.300)."""
    today = timezone.localdate()
    report.tell_dea_by = business_days.next_business_day(today)
    report.tell_registrants_by = business_days.add(today, DAYS_TO_TELL_REGISTRANTS)


def _require_complete(report: ThirdPartyAudit) -> None:
    if report.reported_on > timezone.localdate():
        raise ReportRefused("The date of the report is in the future.")
    missing = REQUIRED - set(report.capabilities)
    if report.finding == Finding.COMPLIANT and missing:
        raise ReportRefused(
            "A version that cannot do the first three is not compliant (1311.300(h))."
        )


def _require_permission(by: User, *, report: ThirdPartyAudit | None) -> None:
    if permissions.may(by, Permission.CERTIFY):
        return
    chain.denied(by=by, of=report, reason=Reason.NOT_ADMINISTRATOR)
    raise NotAdministrator("Only an administrator does that.")
