"""System pages, and reports of an audit as they are typed there."""

from django.urls import reverse
from django.utils import timezone

from prescriptions.models import ThirdPartyAudit
from prescriptions.safeguards import releases

STATUS = reverse("system-status")


def text(response):
    return " ".join(response.content.decode().split())


def report(**overrides):
    return {
        "auditor": "Careful Auditors LLP",
        "qualification": "cisa",
        "reported_on": timezone.localdate().isoformat(),
        "software_version": releases.software_version(),
        "finding": "compliant",
        "capabilities": ["content", "indicator", "refills"],
        "report_digest": "0" * 64,
        "report_location": "https://portal.example/audit.pdf",
    } | overrides


def instance(**overrides):
    facts = report(reported_on=timezone.localdate(), **overrides)
    return ThirdPartyAudit(**facts)


def plain(response):
    return text(response).replace("<strong>", "").replace("</strong>", "")
