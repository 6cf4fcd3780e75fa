"""The context of the rules, loaded at once for all prescriptions of a signing."""

from datetime import date, datetime, time

from django.db.models import Q, QuerySet

from foundation.statements import fetch
from prescriptions import rules
from prescriptions.models import (
    ON_ITS_WAY,
    OPEN,
    Drug,
    Prescription,
    StateRule,
    Status,
)
from providers import identifiers
from providers.models import Membership, Practice, Provider, Role, Schedule

# Issued and not canceled. A failed one was not received and is written again.
ISSUED = [*ON_ITS_WAY, Status.DELIVERED, Status.PRINTED]


def load(prescriptions: list[Prescription]) -> rules.Circumstances:
    """Return the context the rules need today for prescriptions of one practice."""
    practice = prescriptions[0].practice
    today = practice.today()
    supervisors = {one.supervisor_id for one in prescriptions if one.supervisor_id}
    others = _counted_in_series(prescriptions, on=today)
    series, drugs, working, state_rules = fetch(
        others,
        Drug.objects.filter(pk__in=others.values("drug")),
        _working(supervisors, practice=practice),
        StateRule.objects.in_force(practice.state),
    )
    drug_of = {drug.pk: drug for drug in drugs}
    for other in series:
        other.drug = drug_of[other.drug_id]
    return rules.Circumstances(
        on=today,
        others=tuple(sorted(series, key=lambda other: other.pk)),
        left=frozenset(supervisors - {provider.pk for provider in working}),
        state_rules=tuple(state_rules),
    )


def load_with_drafts(prescription: Prescription) -> rules.Circumstances:
    """Return the context if every other draft of the patient is signed today, too."""
    return rules.Circumstances(
        on=prescription.practice.today(), others=tuple(series_candidates(prescription))
    )


def series_place(
    prescription: Prescription, context: rules.Circumstances
) -> rules.Place | None:
    """Return the place of a prescription in its series, as long as it is open.

    Others of the same day would change the place of a signed one, and its record does
    not change.
    """
    if not prescription.is_open:
        return None
    return rules.place(prescription, list(context.others), on=context.on)


def series_candidates(prescription: Prescription) -> list[Prescription]:
    """Return the prescriptions that could form a series with this one."""
    today = prescription.practice.today()
    issued = Q(status__in=ISSUED) & (Q(issued_on=today) | Q(earliest_fill_on__gt=today))
    others = _schedule_ii([prescription]).filter(Q(status__in=OPEN) | issued)
    others = others.select_related("drug")
    return list(others.exclude(pk=prescription.pk).order_by("earliest_fill_on", "pk"))


def _working(supervisors: set[int], *, practice: Practice) -> QuerySet[Provider]:
    """Return those of the supervisors who still work at the practice."""
    members = Membership.objects.filter(
        practice=practice, role=Role.PROVIDER, left_on=None
    )
    return Provider.objects.filter(pk__in=supervisors, user__in=members.values("user"))


def _counted_in_series(
    prescriptions: list[Prescription], *, on: date
) -> QuerySet[Prescription]:
    """Return those marked ready or issued today, and issued ones not yet fillable."""
    if all(prescription.schedule != Schedule.II for prescription in prescriptions):
        return Prescription.objects.none()
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
    return Prescription.objects.filter(patient__in=patients, schedule=Schedule.II)
