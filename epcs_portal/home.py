"""What the home page shows: what waits for its reader, and what blocks signing."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils import timezone

from epcs_portal.incidents import accounts
from epcs_portal.reader import Reader
from foundation.actors import User
from foundation.blockers import Blocker
from foundation.statements import PreparedCounts
from prescriptions.models import OPEN, PharmacyRequest, Prescription, Status
from providers import readiness, standing
from providers.models import AccessRequest, Practice, Provider

LIMIT = 10  # prescriptions of each kind

WORKS_NOWHERE = Blocker("You work at no practice.", "Ask an administrator.")


@dataclass(frozen=True)
class Home:
    provider: Provider | None
    blockers: list[Blocker]
    waiting: list[Prescription]  # to review and sign, or being prepared
    failed: list[Prescription]
    incidents: int  # to decide, like the next two
    requests: int
    changes: int  # of access, that somebody else requested


def home_of(reader: Reader) -> Home:
    """Return what the home page shows to a reader."""
    user, provider = reader.user, reader.provider
    visible = Prescription.objects.visible_to(user)
    return Home(
        provider=provider,
        blockers=_blockers(provider, user) if provider else [],
        waiting=list(_waiting(visible, provider)[:LIMIT]),
        failed=list(_failed(visible)[:LIMIT]),
        **_TO_DECIDE.count(user=user.pk),
    )


def _blockers(provider: Provider, user: User) -> list[Blocker]:
    practice = Practice.objects.visible_to(user).first()
    if practice is None:
        return [WORKS_NOWHERE]
    stands = standing.of(provider, practice=practice)
    return readiness.blockers_for_now(stands, now=timezone.now())


def _waiting(
    visible: QuerySet[Prescription], provider: Provider | None
) -> QuerySet[Prescription]:
    waiting = visible.filter(status__in=OPEN).order_by("-updated_at")
    if provider:
        waiting = waiting.filter(prescriber=provider)
    return waiting.select_related("patient", "drug", "prescriber", "practice")


def _failed(visible: QuerySet[Prescription]) -> QuerySet[Prescription]:
    return visible.filter(status=Status.FAILED).select_related("patient", "drug")


def _to_decide(*, user: int) -> dict[str, QuerySet[Any]]:
    reader = get_user_model()(pk=user)
    changes = AccessRequest.objects.visible_to(reader).open()
    return {
        "incidents": accounts.decided_by(reader).waiting(),
        "requests": PharmacyRequest.objects.visible_to(reader).open(),
        "changes": changes.exclude(entered_by=reader),
    }


_TO_DECIDE = PreparedCounts(_to_decide)
