"""What the rules look at beside a prescription, loaded at once for all of a signing."""

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

# Issued and not taken back. What failed was not received, and is written again.
ISSUED = [*ON_ITS_WAY, Status.DELIVERED, Status.PRINTED]


def load(prescriptions: list[Prescription]) -> rules.Circumstances:
    """Return what stands around these, of one practice, on this day."""
    practice = prescriptions[0].practice
    on = practice.today()
    return rules.Circumstances(
        on=on,
        others=tuple(_still_counting(prescriptions, on=on)),
        left=_left({one.supervisor_id for one in prescriptions}, practice=practice),
        state_rules=tuple(StateRule.objects.in_force(practice.state)),
    )


def _left(supervisors: set[int | None], *, practice: Practice) -> frozenset[int]:
    asked_for = supervisors - {None}
    if not asked_for:
        return frozenset()
    there = Membership.objects.filter(
        practice=practice,
        user__provider__in=asked_for,
        role=Role.PROVIDER,
        left_on=None,
    ).values_list("user__provider", flat=True)
    return frozenset(one for one in asked_for if one and one not in there)


def series_places(prescriptions: list[Prescription]) -> dict[int, rules.Place | None]:
    """Return where each would stand in its series if it were signed now.

    Nothing says so of what is signed: others of the day change it, the record does not.
    """
    series = [one for one in prescriptions if one.is_open]
    if not series:
        return {}
    on = series[0].practice.today()
    others = list(_still_counting(series, on=on))
    return {one.pk: rules.place(one, others, on=on) for one in series}


def load_with_drafts(prescription: Prescription) -> rules.Circumstances:
    """Return what stands around one if every draft beside it is signed today, too."""
    return rules.Circumstances(
        on=prescription.practice.today(), others=tuple(series_candidates(prescription))
    )


def series_candidates(prescription: Prescription) -> list[Prescription]:
    """Return what could make a series with this, once it is written: for its form."""
    on = prescription.practice.today()
    issued = Q(status__in=ISSUED) & (Q(issued_on=on) | Q(earliest_fill_on__gt=on))
    others = _of_patients([prescription]).filter(Q(status__in=OPEN) | issued)
    return list(others.exclude(pk=prescription.pk).order_by("earliest_fill_on", "pk"))


def _still_counting(
    prescriptions: list[Prescription], *, on: date
) -> QuerySet[Prescription] | list[Prescription]:
    """Return what is marked or issued today, and earlier ones that wait for their day."""
    if not any(one.schedule == Schedule.II for one in prescriptions):
        return []
    zone = identifiers.zone(prescriptions[0].practice.time_zone)
    # A mark of another day is no mark, and has to pass these rules again.
    marked = Q(
        status=Status.READY, ready_at__gte=datetime.combine(on, time.min, tzinfo=zone)
    )
    issued = Q(status__in=ISSUED, issued_on=on)
    waits = Q(status__in=ISSUED, earliest_fill_on__gt=on)
    return _of_patients(prescriptions).filter(marked | issued | waits)


def _of_patients(prescriptions: list[Prescription]) -> QuerySet[Prescription]:
    patients = {one.patient_id for one in prescriptions}
    return Prescription.objects.filter(
        patient__in=patients, schedule=Schedule.II
    ).select_related("drug")
