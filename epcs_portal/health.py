"""For load balancers and scripts: is the process up, is everything in order."""

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from prescriptions import gate


@login_not_required
@never_cache
@require_safe
def live(request) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def ready(request) -> JsonResponse:
    """Answer 200 when prescriptions can be signed, else 503 and what is wrong."""
    problems = _database_problems() or gate.problems()
    body = {"status": "unavailable" if problems else "ok", "problems": problems}
    return JsonResponse(body, status=503 if problems else 200)


def _database_problems() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
        targets = executor.loader.graph.leaf_nodes()
        unapplied = executor.migration_plan(targets)
    except DatabaseError:
        return ["The database does not answer."]
    if unapplied:
        return [f"{len(unapplied)} migrations are not applied."]
    return []
