"""For load balancers and scripts: whether the process runs, and can sign."""

from datetime import timedelta
from functools import cache

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit import daily
from prescriptions.models import Transmission, TransmissionState
from prescriptions.signing import gate

OVERDUE = timedelta(minutes=2)  # of a message that a worker should have sent


@login_not_required
@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when prescriptions can be signed, else 503 and what is wrong."""
    problems = _database_problems() or [
        *gate.problems(by=request.user),
        *_unsent(),
        *_unanalyzed(),
    ]
    body = {"status": "unavailable" if problems else "ok", "problems": problems}
    return JsonResponse(body, status=503 if problems else 200)


def _database_problems() -> list[str]:
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except DatabaseError:
        return ["The database does not answer."]
    if missing := _migrations() - applied.keys():
        return [f"{len(missing)} migrations are not applied."]
    return []


@cache
def _migrations() -> set[tuple[str, str]]:
    return set(MigrationLoader(None).disk_migrations)


def _unsent() -> list[str]:
    overdue = Transmission.objects.filter(
        state=TransmissionState.WAITING, next_attempt_at__lt=timezone.now() - OVERDUE
    )
    return ["The worker does not send."] if overdue.exists() else []


def _unanalyzed() -> list[str]:
    return ["The daily analysis is overdue."] if daily.is_overdue() else []
