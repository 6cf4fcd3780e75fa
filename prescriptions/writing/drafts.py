"""Drafts: the work an agent may do for a practitioner (21 CFR 1311.135(a))."""

from django.db import transaction
from django.db.models import QuerySet

from audit import chain
from audit.acts import Act
from audit.reasons import Reason
from foundation.actors import User
from foundation.refusals import NotPermitted
from prescriptions import permissions
from prescriptions.models import Patient, Prescription, Status
from prescriptions.permissions import Permission
from providers.models import DeaRegistration, Membership, Provider, Role


class WritingRefused(NotPermitted):
    """A draft may not be written or changed; the message says what to do instead."""


def create(prescription: Prescription, *, by: User) -> Prescription:
    """Save a new draft and record it; raise WritingRefused."""
    require(Permission.WRITE, prescription, by=by)
    with transaction.atomic(durable=True):
        return add(prescription, by=by)


def add(prescription: Prescription, *, by: User) -> Prescription:
    """Save a new draft in the caller's transaction; the caller checks who writes it."""
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


def alter(prescription: Prescription, *, by: User) -> Prescription:
    """Save a changed draft; one that was ready must be reviewed and marked again.

    Raise WritingRefused, also if somebody else changed it meanwhile.
    """
    require(Permission.WRITE, prescription, by=by)
    with transaction.atomic(durable=True):
        locked = _locked_open(prescription, by=by)
        if locked.version != prescription.version:
            raise WritingRefused(
                "Somebody else changed this prescription meanwhile. Open it again."
            )
        _complete(prescription)
        changed = _copy_changes(prescription, to=locked)
        if not changed:
            return locked
        if locked.status == Status.READY:
            _withdraw_mark(locked, by=by, reason=Reason.PRESCRIPTION_ALTERED)
        else:
            locked.unmark()
            locked.save()
        chain.record(Act.PRESCRIPTION_ALTERED, by=by, of=locked, fields=changed)
    return locked


def discard(prescription: Prescription, *, by: User) -> None:
    """Discard a prescription that was not signed; its row stays. Raise WritingRefused."""
    require(Permission.WRITE, prescription, by=by)
    with transaction.atomic(durable=True):
        locked = _locked_open(prescription, by=by)
        locked.unmark()
        locked.status = Status.DISCARDED
        locked.save()
        chain.record(Act.PRESCRIPTION_DISCARDED, by=by, of=locked)


def copy(prescription: Prescription, *, by: User) -> Prescription:
    """Save a new draft of a failed or canceled prescription; raise WritingRefused."""
    return create(unsaved_copy(prescription), by=by)


def unsaved_copy(prescription: Prescription) -> Prescription:
    """Return an unsaved draft of a failed or canceled prescription.

    Raise WritingRefused for any other: it may still be dispensed.
    """
    if prescription.status not in (Status.FAILED, Status.CANCELLED):
        raise WritingRefused(
            "Only a prescription that was not delivered or was cancelled is written "
            "again."
        )
    values = {name: getattr(prescription, name) for name in Prescription.CONTENT}
    return Prescription(
        practice=prescription.practice, patient=prescription.patient, **values
    )


def save_patient(patient: Patient, *, by: User) -> Patient:
    """Save a patient; prescriptions ready for them must be marked again.

    Raise WritingRefused.
    """
    if not permissions.may(by, Permission.KEEP_PATIENTS, of=patient):
        raise WritingRefused(
            "Only providers and agents of the practice keep its patients."
        )
    act = Act.PATIENT_CHANGED if patient.pk else Act.PATIENT_ADDED
    with transaction.atomic(durable=True):
        patient.save()
        for ready in _locked_ready(patient):
            _withdraw_mark(ready, by=by, reason=Reason.PATIENT_CHANGED)
        chain.record(act, by=by, of=patient)
    return patient


def _withdraw_mark(prescription: Prescription, *, by: User, reason: Reason) -> None:
    """Make it a draft, to be reviewed and marked again (21 CFR 1311.120(b)(10))."""
    prescription.unmark()
    prescription.save()
    chain.record(Act.PRESCRIPTION_UNREADY, by=by, of=prescription, reason=reason)


def _locked_ready(patient: Patient) -> QuerySet[Prescription]:
    return (
        Prescription.objects.select_for_update(no_key=True)
        .filter(patient=patient, status=Status.READY)
        .order_by("pk")
    )


def _complete(prescription: Prescription) -> None:
    """Fill in derived columns; refuse people and patients of another practice."""
    if prescription.patient.practice_id != prescription.practice_id:
        raise WritingRefused("That patient belongs to another practice.")
    _require_colleague(prescription.prescriber, prescription)
    if prescription.supervisor:
        _require_colleague(prescription.supervisor, prescription)
    prescription.schedule = prescription.drug.schedule
    if prescription.dea_registration is None:
        prescription.dea_registration = _only_registration(prescription)


def _only_registration(prescription: Prescription) -> DeaRegistration | None:
    """Return the prescriber's registration if it is the only current one.

    21 CFR 1311.120(b)(7): of several, in any State, a person chooses.
    """
    registrations = prescription.prescriber.dea_registrations.select_related(
        "institution"
    )
    today = prescription.practice.today()
    current = [
        registration
        for registration in registrations
        if registration.is_current(on=today)
    ]
    return current[0] if len(current) == 1 else None


def _require_colleague(provider: Provider, prescription: Prescription) -> None:
    memberships = Membership.objects.filter(user=provider.user_id, left_on=None)
    works_there = memberships.filter(
        practice=prescription.practice_id, role=Role.PROVIDER
    )
    if not (provider.user.is_active and works_there.exists()):
        raise WritingRefused(f"{provider} does not work at {prescription.practice}.")


def _copy_changes(source: Prescription, *, to: Prescription) -> list[str]:
    """Copy the content that differs and return the names of its columns."""
    changed = [
        name
        for name in [*Prescription.CONTENT, "schedule"]
        if getattr(to, name) != getattr(source, name)
    ]
    for name in changed:
        setattr(to, name, getattr(source, name))
    return changed


def lock(prescription: Prescription, *, by: User) -> Prescription:
    """Lock and return a prescription that this user may see; raise WritingRefused."""
    rows = Prescription.objects.visible_to(by).select_related(*Prescription.SHOWN_WITH)
    locked = rows.select_for_update(of=["self"], no_key=True)
    if row := locked.filter(pk=prescription.pk).first():
        return row
    raise WritingRefused("There is no such prescription at your practice.")


def _locked_open(prescription: Prescription, *, by: User) -> Prescription:
    locked = lock(prescription, by=by)
    if locked.is_open:
        return locked
    raise WritingRefused(
        f"This prescription is {locked.get_status_display().lower()} and can no "
        "longer be changed. Write a new one."
    )


def require(permission: Permission, prescription: Prescription, *, by: User) -> None:
    """Raise WritingRefused, and record it, unless the user may do this to it."""
    if permissions.may(by, permission, of=prescription):
        return
    chain.denied(
        by=by,
        of=prescription if prescription.pk else None,
        reason=Reason.NOT_A_WRITER,
    )
    raise WritingRefused(
        "Only providers and agents of the practice write prescriptions."
    )
