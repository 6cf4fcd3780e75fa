"""The status of the system: each part of the gate, for those responsible for it."""

from django.db import connection
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.models import Event
from foundation.actors import AuthenticatedRequest, User
from foundation.refusals import NotPermitted
from mfa.models import Device
from prescriptions import permissions
from prescriptions.models import (
    ClockMeasurement,
    SigningKey,
    SigningModule,
    ThirdPartyAudit,
)
from prescriptions.permissions import Permission
from prescriptions.safeguards import certification, clock, releases, stops
from prescriptions.signing import gate


@require_safe
def status(request: AuthenticatedRequest) -> HttpResponse:
    """Show each part of the gate: in order or not, what is known, what to do."""
    require_responsible(request.user)
    findings = gate.examine(by=request.user).findings
    facts = {
        "findings": findings,
        "has_problems": any(findings.values()),
        "not_shown": _not_shown(),
        "stops": stops.visible_to(request.user),
        "may_certify": permissions.may(request.user, Permission.CERTIFY),
        "has_device": Device.objects.visible_to(request.user).usable().exists(),
    }
    facts |= _software_facts() | _signer_facts() | _clock_facts()
    facts |= _certification_facts()
    return render(request, "prescriptions/system/status.html", facts)


def require_responsible(user: User) -> None:
    """Raise NotPermitted unless this user may see and stop the system."""
    if not permissions.may(user, Permission.STOP_SIGNING):
        raise NotPermitted("This page is for administrators and designees.")


def require_administrator(user: User) -> None:
    """Raise NotPermitted unless this user may enter and confirm reports."""
    if not permissions.may(user, Permission.CERTIFY):
        raise NotPermitted("This page is for administrators.")


def _software_facts() -> dict:
    return {
        "newest_event": Event.objects.order_by("-at").first(),
        "database": connection.vendor,
        "version": releases.software_version(),
    }


def _signer_facts() -> dict:
    return {
        "signing_keys": SigningKey.objects.all(),
        "module": SigningModule.objects.first(),
        "is_fips_said": _claims_fips(),
    }


def _clock_facts() -> dict:
    return {
        "measured": clock.latest_measurement(),
        "last_attempt": ClockMeasurement.objects.first(),
    }


def _certification_facts() -> dict:
    reports, today = ThirdPartyAudit.objects.all(), timezone.localdate()
    return {
        "is_live": certification.is_live(),
        "reports": reports,
        "overdue": [
            (report, certification.overdue(report, today=today))
            for report in reports
            if report.tell_dea_by
        ],
    }


def _not_shown() -> list[str]:
    """Return the parts not shown to be in order, though signing may go on."""
    shown = {
        "signing module": _claims_fips(),
        "clock": clock.latest_measurement() is not None,
        "certification": certification.current_report() is not None,
    }
    return [part for part, is_shown in shown.items() if not is_shown]


def _claims_fips() -> bool:
    """Return True if the module itself, or the site, claims FIPS validation."""
    module = SigningModule.objects.first()
    return bool(module and (module.is_fips or module.certificate))
