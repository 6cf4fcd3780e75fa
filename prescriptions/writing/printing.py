"""Paper: copies, originals to be signed by hand, and the list for the patient.

21 CFR 1311.120(b)(20)-(22), 1311.170(b)-(d). Whoever writes prescriptions at the
practice may print one; it becomes a prescription by the practitioner's own hand
(21 CFR 1306.05(d)). What was signed is printed from its archive, not from the rows.
"""

import json

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit import chain
from audit.acts import Act
from foundation.blockers import Blocker
from prescriptions import content, rules
from prescriptions.models import (
    OPEN,
    Patient,
    Prescription,
    Printout,
    PrintoutKind,
    Status,
)
from prescriptions.writing import drafts, rule_context
from prescriptions.writing.drafts import NotAllowed

ORIGINALS = [PrintoutKind.ORIGINAL, PrintoutKind.AFTER_FAILURE]


def copy(prescription: Prescription, *, by) -> Printout:
    """Print a copy of what was signed; it is not valid for dispensing."""
    drafts.require_writer(prescription, by=by)
    with transaction.atomic(durable=True):
        locked = drafts.lock(prescription, by=by)
        if locked.signed_at is None:
            raise NotAllowed("Only what was signed has a copy.")
        printout = _keep(locked, PrintoutKind.COPY, _archived(locked), by=by)
        chain.record(Act.PRESCRIPTION_COPY_PRINTED, by=by, of=locked)
    return printout


def after_failure(prescription: Prescription, *, by) -> Printout:
    """Print what could not be delivered, to be signed by hand; nothing is sent again."""
    drafts.require_writer(prescription, by=by)
    with transaction.atomic(durable=True):
        locked = drafts.lock(prescription, by=by)
        if locked.status != Status.FAILED:
            raise NotAllowed(
                "Only what the network or the pharmacy did not take is printed like "
                "this."
            )
        return _original(locked, PrintoutKind.AFTER_FAILURE, _archived(locked), by=by)


def original(prescription: Prescription, *, by) -> Printout:
    """Print what is not signed yet, to be signed by hand; it is never sent after that."""
    drafts.require_writer(prescription, by=by)
    with transaction.atomic(durable=True):
        locked = drafts.lock(prescription, by=by)
        if locked.status not in OPEN:
            raise NotAllowed("Only what is not signed yet is printed like this.")
        _require_complete(locked)
        locked.issued_on = locked.practice.today()
        picture = content.canonical(locked)
        return _original(locked, PrintoutKind.ORIGINAL, picture, by=by)


def reprint(prescription: Prescription, *, by) -> Printout:
    """Print the same original once more, in place of a sheet that was spoiled."""
    drafts.require_writer(prescription, by=by)
    with transaction.atomic(durable=True):
        locked = drafts.lock(prescription, by=by)
        original = locked.printouts.filter(kind__in=ORIGINALS).first()
        if original is None:
            raise NotAllowed("No original of this was printed.")
        printout = _keep(locked, PrintoutKind.REPRINT, original.content, by=by)
        chain.record(
            Act.PRESCRIPTION_PRINTED,
            by=by,
            of=locked,
            kind=PrintoutKind.REPRINT,
            attempts=printout.number,
        )
    return printout


def blockers(prescription: Prescription) -> list[Blocker]:
    """Return every reason why this may not be printed to be signed by hand.

    21 CFR 1306.05(a) holds on paper too; how the pharmacy takes it does not matter.
    """
    around = rule_context.load([prescription])
    return rules.blockers_to_printing(prescription, around=around)


def medication_list(patient: Patient, *, by) -> list[Prescription]:
    """Return what is printed for a patient, for information only, and note the print."""
    patient = Patient.objects.visible_to(by).get(pk=patient.pk)
    drafts.require_writer(Prescription(practice=patient.practice), by=by)
    issued = (
        Prescription.objects.filter(patient=patient, issued_on__isnull=False)
        .exclude(status=Status.CANCELLED)
        .select_related("drug", "prescriber")
        .order_by("-issued_on", "-pk")
    )
    chain.record(Act.PATIENT_LIST_PRINTED, by=by, of=patient)
    return list(issued)


def _original(
    locked: Prescription, kind: PrintoutKind, picture: dict, *, by
) -> Printout:
    locked.status, locked.updated_at = Status.PRINTED, timezone.now()
    locked.save(update_fields=["status", "issued_on", "updated_at"])
    printout = _keep(locked, kind, picture, by=by)
    chain.record(Act.PRESCRIPTION_PRINTED, by=by, of=locked, kind=kind)
    return printout


def _require_complete(locked: Prescription) -> None:
    if found := blockers(locked):
        raise NotAllowed(" ".join(f"{one.label} {one.remedy}".strip() for one in found))


def _keep(locked: Prescription, kind: PrintoutKind, picture: dict, *, by) -> Printout:
    counted = locked.printouts.filter(kind=kind).aggregate(last=Max("number"))
    return Printout.objects.create(
        prescription=locked,
        kind=kind,
        number=(counted["last"] or 0) + 1,
        content=picture,
        printed_by=by,
    )


def _archived(locked: Prescription) -> dict:
    return json.loads(locked.signed_record.payload)["content"]
