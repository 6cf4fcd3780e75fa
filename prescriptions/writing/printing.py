"""Paper: copies, originals to sign by hand, and the medication list.

21 CFR 1311.120(b)(20)-(22), 1311.170(b)-(d). Providers and agents of the practice may
print; the practitioner's handwritten signature makes it a prescription (21 CFR
1306.05(d)). A signed prescription is printed from its archived record.
"""

import json

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit import chain
from audit.acts import Act
from foundation.actors import User
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
from prescriptions.permissions import Permission
from prescriptions.writing import drafts, rule_context
from prescriptions.writing.drafts import WritingRefused

ORIGINALS = [PrintoutKind.ORIGINAL, PrintoutKind.AFTER_FAILURE]


def copy(prescription: Prescription, *, by: User) -> Printout:
    """Print a copy of a signed prescription, not valid for dispensing.

    Raise WritingRefused.
    """
    drafts.require(Permission.PRINT, prescription, by=by)
    with transaction.atomic(durable=True):
        locked = drafts.lock(prescription, by=by)
        if locked.signed_at is None:
            raise WritingRefused("Only what was signed has a copy.")
        printout = _store(locked, PrintoutKind.COPY, _archived(locked), by=by)
        chain.record(Act.PRESCRIPTION_COPY_PRINTED, by=by, of=locked)
    return printout


def after_failure(prescription: Prescription, *, by: User) -> Printout:
    """Print a failed prescription to sign by hand; it is never sent again.

    Raise WritingRefused.
    """
    drafts.require(Permission.PRINT, prescription, by=by)
    with transaction.atomic(durable=True):
        locked = drafts.lock(prescription, by=by)
        if locked.status != Status.FAILED:
            raise WritingRefused(
                "Only what the network or the pharmacy did not take is printed like "
                "this."
            )
        return _print_original(
            locked, PrintoutKind.AFTER_FAILURE, _archived(locked), by=by
        )


def original(prescription: Prescription, *, by: User) -> Printout:
    """Print an unsigned prescription to sign by hand; it is never sent after that.

    Raise WritingRefused.
    """
    drafts.require(Permission.PRINT, prescription, by=by)
    with transaction.atomic(durable=True):
        locked = drafts.lock(prescription, by=by)
        if locked.status not in OPEN:
            raise WritingRefused("Only what is not signed yet is printed like this.")
        _require_complete(locked)
        locked.issued_on = locked.practice.today()
        printed = content.canonical(locked)
        return _print_original(locked, PrintoutKind.ORIGINAL, printed, by=by)


def reprint(prescription: Prescription, *, by: User) -> Printout:
    """Print the same original again, in place of a spoiled sheet; raise WritingRefused."""
    drafts.require(Permission.PRINT, prescription, by=by)
    with transaction.atomic(durable=True):
        locked = drafts.lock(prescription, by=by)
        sheet = locked.printouts.filter(kind__in=ORIGINALS).first()
        if sheet is None:
            raise WritingRefused("No original of this was printed.")
        printout = _store(locked, PrintoutKind.REPRINT, sheet.content, by=by)
        chain.record(
            Act.PRESCRIPTION_PRINTED,
            by=by,
            of=locked,
            kind=PrintoutKind.REPRINT,
            attempts=printout.number,
        )
    return printout


def blockers(prescription: Prescription) -> list[Blocker]:
    """Return every reason not to print an original to sign by hand.

    21 CFR 1306.05(a) applies to paper too; whether the pharmacy accepts electronic
    prescriptions does not matter.
    """
    context = rule_context.load([prescription])
    return rules.blockers_to_printing(prescription, around=context)


def medication_list(patient: Patient, *, by: User) -> list[Prescription]:
    """Return a patient's prescriptions for an informational list; record the print."""
    patient = Patient.objects.visible_to(by).get(pk=patient.pk)
    drafts.require(Permission.PRINT, Prescription(practice=patient.practice), by=by)
    issued = (
        Prescription.objects.filter(patient=patient, issued_on__isnull=False)
        .exclude(status=Status.CANCELLED)
        .select_related("drug", "prescriber")
        .order_by("-issued_on", "-pk")
    )
    chain.record(Act.PATIENT_LIST_PRINTED, by=by, of=patient)
    return list(issued)


def _print_original(
    locked: Prescription, kind: PrintoutKind, printed: dict, *, by: User
) -> Printout:
    locked.status, locked.updated_at = Status.PRINTED, timezone.now()
    locked.save(update_fields=["status", "issued_on", "updated_at"])
    printout = _store(locked, kind, printed, by=by)
    chain.record(Act.PRESCRIPTION_PRINTED, by=by, of=locked, kind=kind)
    return printout


def _require_complete(locked: Prescription) -> None:
    if reasons := blockers(locked):
        texts = [f"{reason.label} {reason.remedy}".strip() for reason in reasons]
        raise WritingRefused(" ".join(texts))


def _store(
    locked: Prescription, kind: PrintoutKind, printed: dict, *, by: User
) -> Printout:
    numbers = locked.printouts.filter(kind=kind).aggregate(last=Max("number"))
    return Printout.objects.create(
        prescription=locked,
        kind=kind,
        number=(numbers["last"] or 0) + 1,
        content=printed,
        printed_by=by,
    )


def _archived(locked: Prescription) -> dict:
    return json.loads(locked.signed_record.payload)["content"]
