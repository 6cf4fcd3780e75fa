"""The daily analysis, with the portal's practices, archive and mail."""

from audit import daily
from audit.models import DailyReport
from epcs_portal.incidents import accounts
from foundation import notices
from prescriptions import verification


def run() -> list[DailyReport]:
    """Report on every day that is over, and notify those who decide about incidents."""
    reports = daily.catch_up(about=accounts.resolver(), examine=verification.problems)
    for report in reports:
        _notify(report)
    return reports


def _notify(report: DailyReport) -> None:
    """Mail the deciders, except about a quiet day."""
    for person in accounts.all_deciders():
        waiting = accounts.decided_by(person).filter(report=report).count()
        if waiting or report.problems:
            notices.send(
                person,
                subject=f"The portal's report of {report.day:%b %-d, %Y}",
                template="epcs_portal/incidents/mail/report.txt",
                report=report,
                waiting=waiting,
            )
