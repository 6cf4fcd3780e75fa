"""What the gate looks at, plainly; for administrators and designees."""

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.models import Event
from foundation.actors import AuthenticatedRequest, User
from mfa.models import Device
from prescriptions.models import (
    ClockMeasurement,
    SigningKey,
    SigningModule,
    ThirdPartyAudit,
)
from prescriptions.safeguards import certification, clock, releases, stops
from prescriptions.signing import gate


@require_safe
def status(request: AuthenticatedRequest) -> HttpResponse:
    """Show each part of the gate: in order or not, what is known, what to do."""
    require_responsible(request.user)
    reports, findings = ThirdPartyAudit.objects.all(), gate.findings(by=request.user)
    return render(
        request,
        "prescriptions/system/status.html",
        {
            "findings": findings,
            "has_problems": any(findings.values()),
            "not_shown": _not_shown(),
            "newest_event": Event.objects.order_by("-at").first(),
            "signing_keys": SigningKey.objects.all(),
            "module": SigningModule.objects.first(),
            "is_fips_said": _is_fips_said(),
            "measured": clock.latest_measurement(),
            "last_attempt": ClockMeasurement.objects.first(),
            "database": connection.vendor,
            "version": releases.software_version(),
            "is_live": certification.is_live(),
            "reports": reports,
            "overdue": [
                (report, certification.overdue(report, today=timezone.localdate()))
                for report in reports
                if report.tell_dea_by
            ],
            "stops": stops.visible_to(request.user),
            "has_device": Device.objects.visible_to(request.user).usable().exists(),
        },
    )


def require_responsible(user: User) -> None:
    if not stops.is_responsible(user):
        raise PermissionDenied("This page is for administrators and designees.")


def require_staff(user: User) -> None:
    if not (user.is_active and user.is_staff):
        raise PermissionDenied("This page is for administrators.")


def _not_shown() -> list[str]:
    """Name what nobody has shown to be in order, though signing may go on."""
    shown = {
        "signing module": _is_fips_said(),
        "clock": clock.latest_measurement() is not None,
        "certification": certification.current_report() is not None,
    }
    return [part for part, is_shown in shown.items() if not is_shown]


def _is_fips_said() -> bool:
    """Say whether anybody claims a validated module: it itself, or the site."""
    module = SigningModule.objects.first()
    return bool(module and (module.is_fips or module.certificate))
