"""Preparing prescriptions: what an agent may do as well (21 CFR 1311.135(a))."""

from django.core.exceptions import PermissionDenied
from django.db import transaction

from audit import chain
from audit.acts import Act
from prescriptions.models import Patient, Prescription, Status
from providers.models import DeaRegistration, Membership, Provider, Role

WRITERS = [Role.PROVIDER, Role.AGENT]


class NotAllowed(PermissionDenied):
    """A draft may not be written or changed like this; the message says what to do."""


def create(prescription: Prescription, *, by) -> Prescription:
    """Keep a new draft."""
    require_writer(prescription, by=by)
    with transaction.atomic(durable=True):
        return add(prescription, by=by)


def add(prescription: Prescription, *, by) -> Prescription:
    """Keep a new draft of who may write it, in the caller's transaction."""
    prescription.prepared_by = by
    _complete(prescription)
    prescription.save(force_insert=True)
    chain.record(
        Act.PRESCRIPTION_CREATED,
        by=by,
        of=prescription,
        schedule=prescription.schedule,
    )
    return prescription


def alter(prescription: Prescription, *, by) -> Prescription:
    """Keep a changed draft; what was ready has to be reviewed and marked again."""
    require_writer(prescription, by=by)
    with transaction.atomic(durable=True):
        locked = _locked_open(prescription, by=by)
        if locked.version != prescription.version:
            raise NotAllowed(
                "Somebody else changed this prescription meanwhile. Open it again."
            )
        _complete(prescription)
        changed = _take_over(locked, prescription)
        if not changed:
            return locked
        if locked.status == Status.READY:
            _withdraw_mark(locked, by=by, reason="prescription altered")
        else:
            locked.unmark()
            locked.save()
        chain.record(Act.PRESCRIPTION_ALTERED, by=by, of=locked, fields=changed)
    return locked


def discard(prescription: Prescription, *, by) -> None:
    """Give up a prescription that was not signed; it stays on record."""
    require_writer(prescription, by=by)
    with transaction.atomic(durable=True):
        locked = _locked_open(prescription, by=by)
        locked.unmark()
        locked.status = Status.DISCARDED
        locked.save()
        chain.record(Act.PRESCRIPTION_DISCARDED, by=by, of=locked)


def copy(prescription: Prescription, *, by) -> Prescription:
    """Write a prescription that is not dispensed again, to be signed anew."""
    return create(unsaved_copy(prescription), by=by)


def unsaved_copy(prescription: Prescription) -> Prescription:
    """Return a draft, not kept yet, of what is not dispensed; raise NotAllowed."""
    if prescription.status not in (Status.FAILED, Status.CANCELLED):
        raise NotAllowed(
            "Only a prescription that was not delivered or was cancelled is written "
            "again."
        )
    values = {name: getattr(prescription, name) for name in Prescription.CONTENT}
    return Prescription(
        practice=prescription.practice, patient=prescription.patient, **values
    )


def save_patient(patient: Patient, *, by) -> Patient:
    """Keep a patient; what is ready for them has to be reviewed and marked again."""
    if not _works_at(patient.practice_id, user=by, roles=WRITERS):
        raise NotAllowed("Only providers and agents of the practice keep its patients.")
    act = Act.PATIENT_CHANGED if patient.pk else Act.PATIENT_ADDED
    with transaction.atomic(durable=True):
        patient.save()
        for marked in _locked_ready(patient):
            _withdraw_mark(marked, by=by, reason="patient changed")
        chain.record(act, by=by, of=patient)
    return patient


def _withdraw_mark(prescription: Prescription, *, by, reason: str) -> None:
    """21 CFR 1311.120(b)(10): what was changed is reviewed and marked anew."""
    prescription.unmark()
    prescription.save()
    chain.record(Act.PRESCRIPTION_UNREADY, by=by, of=prescription, reason=reason)


def _locked_ready(patient: Patient):
    return (
        Prescription.objects.select_for_update(no_key=True)
        .filter(patient=patient, status=Status.READY)
        .order_by("pk")
    )


def _complete(prescription: Prescription) -> None:
    """Fill in what follows from the rest, and refuse what belongs elsewhere."""
    if prescription.patient.practice_id != prescription.practice_id:
        raise NotAllowed("That patient belongs to another practice.")
    _require_colleague(prescription.prescriber, prescription)
    if prescription.supervisor:
        _require_colleague(prescription.supervisor, prescription)
    prescription.schedule = prescription.drug.schedule
    if prescription.dea_registration is None:
        prescription.dea_registration = _only_registration(prescription)


def _only_registration(prescription: Prescription) -> DeaRegistration | None:
    """21 CFR 1311.120(b)(7): of several, in whatever State, a person chooses one."""
    registrations = prescription.prescriber.dea_registrations.select_related(
        "institution"
    )
    on = prescription.practice.today()
    current = [one for one in registrations if one.is_current(on=on)]
    return current[0] if len(current) == 1 else None


def _require_colleague(provider: Provider, prescription: Prescription) -> None:
    if not _works_at(
        prescription.practice_id, user=provider.user, roles=[Role.PROVIDER]
    ):
        raise NotAllowed(f"{provider} does not work at {prescription.practice}.")


def _take_over(row: Prescription, wanted: Prescription) -> list[str]:
    """Copy the content that differs, and return its names."""
    changed = [
        name
        for name in [*Prescription.CONTENT, "schedule"]
        if getattr(row, name) != getattr(wanted, name)
    ]
    for name in changed:
        setattr(row, name, getattr(wanted, name))
    return changed


def lock(prescription: Prescription, *, by) -> Prescription:
    """Hold the row of a prescription that somebody may see; raise NotAllowed."""
    rows = Prescription.objects.visible_to(by).select_related(*Prescription.SHOWN_WITH)
    locked = rows.select_for_update(of=["self"], no_key=True)
    if found := locked.filter(pk=prescription.pk).first():
        return found
    raise NotAllowed("There is no such prescription at your practice.")


def _locked_open(prescription: Prescription, *, by) -> Prescription:
    found = lock(prescription, by=by)
    if found.is_open:
        return found
    raise NotAllowed(
        f"This prescription is {found.get_status_display().lower()} and can no "
        "longer be changed. Write a new one."
    )


def require_writer(prescription: Prescription, *, by) -> None:
    """Refuse, on the record, whoever prepares no prescriptions at the practice."""
    if _works_at(prescription.practice_id, user=by, roles=WRITERS):
        return
    chain.denied(
        by=by,
        of=prescription if prescription.pk else None,
        reason="not a provider or agent of the practice",
    )
    raise NotAllowed("Only providers and agents of the practice write prescriptions.")


def _works_at(practice_id: int, *, user, roles: list[Role]) -> bool:
    return (
        user.is_active
        and Membership.objects.filter(
            user=user, practice=practice_id, role__in=roles, left_on=None
        ).exists()
    )
