"""What the home page shows: what waits for its reader, and what blocks signing."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from audit.models import Incident
from epcs_portal.incidents import accounts
from epcs_portal.reader import Reader
from foundation.actors import User
from foundation.blockers import Blocker
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
    changes: int


def home_of(reader: Reader) -> Home:
    """Return what the home page shows to a reader."""
    user, provider = reader.user, reader.provider
    decides = reader.is_access_manager
    visible = Prescription.objects.visible_to(user)
    return Home(
        provider=provider,
        blockers=_blockers(provider, user) if provider else [],
        waiting=list(_waiting(visible, provider)[:LIMIT]),
        failed=list(_failed(visible)[:LIMIT]),
        incidents=_incidents(user).count() if decides else 0,
        requests=PharmacyRequest.objects.visible_to(user).open().count(),
        changes=_changes(user).count() if decides else 0,
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


def _incidents(user: User) -> QuerySet[Incident]:
    return accounts.decided_by(user).waiting()


def _changes(user: User) -> QuerySet[AccessRequest]:
    """Return the changes of access that somebody else requested."""
    requests = AccessRequest.objects.visible_to(user).open()
    return requests.exclude(entered_by=user)
