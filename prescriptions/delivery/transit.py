"""What a pharmacy repeats of an order, compared with what was signed.

21 CFR 1311.170(e): a prescription that was changed on its way is not valid.
"""

from django.conf import settings
from django.urls import reverse

from audit import chain, incidents
from audit.acts import Act, Outcome
from audit.models import IncidentKind, user_stream
from foundation import notices
from prescriptions import script
from prescriptions.delivery import cancellation
from prescriptions.models import Prescription
from providers import access_managers


def check(message: script.Message, prescription: Prescription) -> None:
    """Open an incident and cancel the prescription if a pharmacy has it changed.

    In the caller's transaction, which holds the prescription's row.
    """
    changed = script.changed_in_transit(
        prescription.signed_record.payload.encode(),
        message,
        version=script.version_of(message).name,
    )
    if not changed:
        return
    _open_incident(prescription, changed)
    _notify(prescription)
    if prescription.status in cancellation.CANCELLABLE:
        reason = f"The pharmacy has it otherwise than signed: {', '.join(changed)}."
        cancellation.cancel_locked(prescription, by=None, reason=reason)


def _open_incident(prescription: Prescription, changed: list[str]) -> None:
    prescriber = prescription.prescriber.user
    event = chain.record(
        Act.PRESCRIPTION_CHANGED_IN_TRANSIT,
        by=None,
        of=prescription,
        stream=user_stream(prescriber),
        outcome=Outcome.FAILURE,
        fields=changed,
    )
    incidents.open_on(event, kind=IncidentKind.CHANGED_IN_TRANSIT, about=prescriber)


def _notify(prescription: Prescription) -> None:
    """Mail the practitioner and those who decide about the incident."""
    recipients = {
        prescription.prescriber.user,
        *access_managers.notice_recipients(prescription.practice),
    }
    for person in recipients:
        notices.send(
            person,
            subject="A prescription was changed on its way",
            template="prescriptions/mail/changed.txt",
            pharmacy=prescription.pharmacy,
            address=settings.PORTAL_ORIGIN + prescription.get_absolute_url(),
            incidents=settings.PORTAL_ORIGIN + reverse("incident-list"),
        )
