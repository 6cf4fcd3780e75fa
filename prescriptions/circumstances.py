"""What the rules look at beside a prescription, loaded at once for all of a signing."""

from datetime import date

from django.db.models import Q, QuerySet

from prescriptions import rules
from prescriptions.models import (
    ON_ITS_WAY,
    OPEN,
    Prescription,
    StateRule,
    Status,
)
from providers.models import Schedule

# Issued and not taken back. What failed was not received, and is written again.
ISSUED = [*ON_ITS_WAY, Status.DELIVERED, Status.PRINTED]


def of(prescriptions: list[Prescription]) -> rules.Circumstances:
    """Return what stands around these, of one practice, on this day."""
    practice = prescriptions[0].practice
    on = practice.today()
    return rules.Circumstances(
        on=on,
        others=tuple(_still_counting(prescriptions, on=on)),
        state_rules=tuple(StateRule.objects.in_force(practice.state)),
    )


def place(prescription: Prescription) -> rules.Place | None:
    """Return where it stands in its series, drafts of its prescriber included."""
    if prescription.schedule != Schedule.II:
        return None
    on = prescription.issue_date
    drafts = Q(status__in=OPEN, prescriber=prescription.prescriber_id)
    others = _of_patients([prescription]).filter(
        (drafts if prescription.is_open else Q(pk=None)) | _issued(on)
    )
    return rules.place(prescription, others, on=on)


def _still_counting(
    prescriptions: list[Prescription], *, on: date
) -> QuerySet[Prescription] | list[Prescription]:
    """Return what is ready or issued today, and earlier ones that wait for their day."""
    if not any(one.schedule == Schedule.II for one in prescriptions):
        return []
    waits = Q(status__in=ISSUED, earliest_fill_on__gt=on)
    return _of_patients(prescriptions).filter(
        Q(status=Status.READY) | _issued(on) | waits
    )


def _of_patients(prescriptions: list[Prescription]) -> QuerySet[Prescription]:
    patients = {one.patient_id for one in prescriptions}
    return Prescription.objects.filter(
        patient__in=patients, schedule=Schedule.II
    ).select_related("drug")


def _issued(on: date) -> Q:
    return Q(status__in=ISSUED, issued_on=on)
