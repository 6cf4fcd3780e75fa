"""The daily analysis as the portal runs it: with its practices, archive and mail."""

from audit import daily
from audit.models import DailyReport
from epcs_portal.incidents import accounts
from foundation import notices
from prescriptions import verification


def run() -> list[DailyReport]:
    """Report on every day that is over, and tell the designees what waits for them."""
    made = daily.catch_up(about=accounts.resolver(), examine=verification.problems)
    for report in made:
        _tell(report)
    return made


def _tell(report: DailyReport) -> None:
    """A quiet day is no reason for mail."""
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
