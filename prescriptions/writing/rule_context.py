"""The context of the rules, loaded at once for all prescriptions of a signing."""

from datetime import date, datetime, time

from django.db.models import Q, QuerySet

from prescriptions import rules
from prescriptions.models import (
    ON_ITS_WAY,
    OPEN,
    Prescription,
    StateRule,
    Status,
)
from providers import identifiers
from providers.models import Membership, Practice, Role, Schedule

# Issued and not canceled. A failed one was not received and is written again.
ISSUED = [*ON_ITS_WAY, Status.DELIVERED, Status.PRINTED]


def load(prescriptions: list[Prescription]) -> rules.Circumstances:
    """Return the context the rules need today for prescriptions of one practice."""
    practice = prescriptions[0].practice
    today = practice.today()
    supervisors = {prescription.supervisor_id for prescription in prescriptions}
    return rules.Circumstances(
        on=today,
        others=tuple(_counted_in_series(prescriptions, on=today)),
        left=_left(supervisors, practice=practice),
        state_rules=tuple(StateRule.objects.in_force(practice.state)),
    )


def load_with_drafts(prescription: Prescription) -> rules.Circumstances:
    """Return the context if every other draft of the patient is signed today, too."""
    return rules.Circumstances(
        on=prescription.practice.today(), others=tuple(series_candidates(prescription))
    )


def series_places(
    prescriptions: list[Prescription],
) -> dict[int, rules.Place | None]:
    """Return the place in its series of each open prescription, by primary key.

    Only open ones: others of the same day would change the place of a signed one, and
    its record does not change.
    """
    unsigned = [prescription for prescription in prescriptions if prescription.is_open]
    if not unsigned:
        return {}
    today = unsigned[0].practice.today()
    others = list(_counted_in_series(unsigned, on=today))
    return {
        prescription.pk: rules.place(prescription, others, on=today)
        for prescription in unsigned
    }


def series_candidates(prescription: Prescription) -> list[Prescription]:
    """Return the prescriptions that could form a series with this one."""
    today = prescription.practice.today()
    issued = Q(status__in=ISSUED) & (Q(issued_on=today) | Q(earliest_fill_on__gt=today))
    others = _schedule_ii([prescription]).filter(Q(status__in=OPEN) | issued)
    return list(others.exclude(pk=prescription.pk).order_by("earliest_fill_on", "pk"))


def _left(supervisors: set[int | None], *, practice: Practice) -> frozenset[int]:
    """Return the supervisors who no longer work at the practice."""
    named = {supervisor for supervisor in supervisors if supervisor is not None}
    if not named:
        return frozenset()
    working = Membership.objects.filter(
        practice=practice,
        user__provider__in=named,
        role=Role.PROVIDER,
        left_on=None,
    ).values_list("user__provider", flat=True)
    return frozenset(named.difference(working))


def _counted_in_series(
    prescriptions: list[Prescription], *, on: date
) -> QuerySet[Prescription] | list[Prescription]:
    """Return those marked ready or issued today, and issued ones not yet fillable."""
    if all(prescription.schedule != Schedule.II for prescription in prescriptions):
        return []
    zone = identifiers.zone(prescriptions[0].practice.time_zone)
    midnight = datetime.combine(on, time.min, tzinfo=zone)
    # A ready mark of another day does not count: it has to pass these rules again.
    ready = Q(status=Status.READY, ready_at__gte=midnight)
    issued = Q(status__in=ISSUED, issued_on=on)
    not_yet_fillable = Q(status__in=ISSUED, earliest_fill_on__gt=on)
    return _schedule_ii(prescriptions).filter(ready | issued | not_yet_fillable)


def _schedule_ii(prescriptions: list[Prescription]) -> QuerySet[Prescription]:
    """Return all prescriptions for Schedule II of the same patients."""
    patients = {prescription.patient_id for prescription in prescriptions}
    return Prescription.objects.filter(
        patient__in=patients, schedule=Schedule.II
    ).select_related("drug")
