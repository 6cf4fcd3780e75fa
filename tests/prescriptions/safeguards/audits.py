"""Reports of a third-party audit, as rows."""

from datetime import date, timedelta

from prescriptions.models import Capability, Finding, Qualification, ThirdPartyAudit
from prescriptions.safeguards import certification, releases

REQUIRED = [Capability.CONTENT, Capability.INDICATOR, Capability.REFILLS]
TODAY = date(2026, 11, 23)  # a Monday; Thursday is Thanksgiving


def report(**overrides):
    return ThirdPartyAudit(
        **{
            "auditor": "Careful Auditors LLP",
            "qualification": Qualification.CISA,
            "reported_on": TODAY - timedelta(days=10),
            "software_version": releases.software_version(),
            "finding": Finding.COMPLIANT,
            "capabilities": REQUIRED,
            "report_digest": "0" * 64,
            "report_location": "https://portal.example/audit.pdf",
        }
        | overrides
    )


def make_audit(by, *, confirmed_by=None, **overrides):
    entered = certification.enter(report(**overrides), by=by)
    if confirmed_by:
        certification.confirm(entered, by=confirmed_by)
        entered.refresh_from_db()
    return entered
