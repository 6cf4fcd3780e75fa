"""The third-party audit, without which no live pharmacy network is used.

21 CFR 1311.100(b)(2), 1311.300: an audit of this version, not older than two years.
21 CFR 1311.102(d), (e): and only for what the report found the version able to do.
"""

from collections.abc import Iterable
from datetime import date, datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from foundation import business_days
from foundation.blockers import Blocker
from prescriptions.models import (
    REQUIRED,
    Capability,
    Finding,
    Prescription,
    ThirdPartyAudit,
)
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
TOLD = {"dea": "told_dea_at", "registrants": "told_registrants_at"}


class NotAllowed(Exception):
    """The report was not entered or confirmed; the message says why."""


def problems() -> list[str]:
    """Return what the law has against using this version here; empty means go ahead."""
    reports = _of_this_version()
    found = []
    if adverse := _adverse(reports):
        found.append(ADVERSE.format(audit=adverse))
    if locked := _lock(reports):
        found.append(locked)
    return found


def lock_reason() -> str:
    """Say why nothing may be sent to the pharmacy network; empty if something may."""
    return _lock(_of_this_version()) if is_live() else ""


def is_live() -> bool:
    """Say whether what is sent here could be dispensed."""
    test_hosts = settings.SCRIPT_TEST_HOSTS if settings.DEMO else []
    return hosts.is_live(settings.SCRIPT_NETWORK_URL, test_hosts=test_hosts)


def current_report() -> ThirdPartyAudit | None:
    """Return the report that lets this version be used today, if there is one."""
    return _covering(_of_this_version())


def blockers(prescriptions: Iterable[Prescription]) -> list[Blocker]:
    """Return what the report does not cover of what is to be signed."""
    if not is_live():
        return []
    report = current_report()
    able = set(report.capabilities) if report else set()
    missing = {one for each in prescriptions for one in _needed(each)} - able
    return [
        Blocker(
            f"The audit of this version does not cover: {Capability(one).label}.",
            "Write it on paper.",
        )
        for one in sorted(missing)
    ]


def enter(report: ThirdPartyAudit, *, by) -> ThirdPartyAudit:
    """Put a report on record; a compliant one counts once another confirms it.

    An adverse one counts at once, and has days by which others are told of it.
    """
    _require_staff(by, of=None)
    _require_complete(report)
    report.entered_by, report.entered_at = by, timezone.now()
    if report.finding == Finding.ADVERSE:
        today = timezone.localdate()
        report.tell_dea_by = business_days.next_business_day(today)
        report.tell_registrants_by = business_days.add(today, DAYS_TO_TELL_REGISTRANTS)
    with transaction.atomic(durable=True):
        report.save(force_insert=True)
        chain.record(
            Act.CERTIFICATION_ENTERED,
            by=by,
            of=report,
            status=report.finding,
            version=report.software_version,
            digest=report.report_digest,
        )
    return report


def confirm(report: ThirdPartyAudit, *, by) -> None:
    """Say as a second administrator that the report says what was entered."""
    _require_staff(by, of=report)
    with transaction.atomic(durable=True):
        locked = ThirdPartyAudit.objects.select_for_update(no_key=True)
        report = locked.get(pk=report.pk)
        if report.entered_by_id == by.pk:
            raise NotAllowed("Another administrator confirms what you entered.")
        if report.is_confirmed:
            raise NotAllowed("It is confirmed already.")
        report.confirmed_by, report.confirmed_at = by, timezone.now()
        report.save()
        chain.record(
            Act.CERTIFICATION_CONFIRMED,
            by=by,
            of=report,
            version=report.software_version,
            digest=report.report_digest,
        )


def record_notice(report: ThirdPartyAudit, whom: str, *, by) -> None:
    """Note that DEA, or the registrants, were told of an adverse report."""
    _require_staff(by, of=report)
    with transaction.atomic(durable=True):
        open_ = ThirdPartyAudit.objects.filter(
            pk=report.pk, finding=Finding.ADVERSE, **{TOLD[whom]: None}
        )
        if not open_.update(**{TOLD[whom]: timezone.now()}):
            raise NotAllowed("That is noted already.")
        chain.record(Act.CERTIFICATION_TOLD, by=by, of=report, source=whom)


def overdue(report: ThirdPartyAudit, *, today: date) -> list[str]:
    """Return whom an adverse report should have been told by now."""
    terms: list[tuple[str, date | None, datetime | None]] = [
        ("DEA", report.tell_dea_by, report.told_dea_at),
        ("the registrants", report.tell_registrants_by, report.told_registrants_at),
    ]
    return [whom for whom, by, told_at in terms if by and by < today and not told_at]


def _lock(reports: list[ThirdPartyAudit]) -> str:
    if not is_live():
        return ""
    if settings.DEMO:
        return DEMONSTRATION
    if not hosts.is_plain_https(settings.SCRIPT_NETWORK_URL):
        return NOT_PLAIN
    if not _covering(reports):
        return NOT_CERTIFIED.format(version=software_version())
    return ""


def _of_this_version() -> list[ThirdPartyAudit]:
    """Return the reports on this version, the newest first."""
    return list(ThirdPartyAudit.objects.filter(software_version=software_version()))


def _covering(reports: list[ThirdPartyAudit]) -> ThirdPartyAudit | None:
    """Return the newest report, if it is good, confirmed and not too old."""
    counting = [one for one in reports if one.is_confirmed or _is_adverse(one)]
    today = timezone.localdate()
    if not counting or _is_adverse(counting[0]):
        return None
    newest = counting[0]
    return newest if newest.reported_on <= today < newest.expires_on else None


def _adverse(reports: list[ThirdPartyAudit]) -> ThirdPartyAudit | None:
    """Return the adverse report that no good one has followed."""
    if _covering(reports):
        return None
    return next(filter(_is_adverse, reports), None)


def _is_adverse(report: ThirdPartyAudit) -> bool:
    return report.finding == Finding.ADVERSE


def _needed(prescription: Prescription) -> set[Capability]:
    """Return what this prescription says beyond what every report has to cover."""
    needed = set(REQUIRED)
    if is_ghb(prescription.drug):
        needed.add(Capability.GHB)
    if prescription.schedule == Schedule.II and prescription.earliest_fill_on:
        needed.add(Capability.SERIES)
    registration = prescription.dea_registration
    if registration and registration.institution_id:
        needed.add(Capability.INSTITUTION)
    return needed


def _require_complete(report: ThirdPartyAudit) -> None:
    if report.reported_on > timezone.localdate():
        raise NotAllowed("The date of the report is in the future.")
    missing = REQUIRED - set(report.capabilities)
    if report.finding == Finding.COMPLIANT and missing:
        raise NotAllowed(
            "A version that cannot do the first three is not compliant (1311.300(h))."
        )


def _require_staff(by, *, of: ThirdPartyAudit | None) -> None:
    if by.is_active and by.is_staff:
        return
    chain.denied(by=by, of=of, reason="not_administrator")
    raise NotAllowed("Only an administrator does that.")
