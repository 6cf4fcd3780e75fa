"""What pharmacies say by themselves: each message counts once, and is on record.

Nothing that comes in orders, renews or changes anything. It moves what was sent along,
or becomes a task for the practitioner (21 CFR 1311.140(c)).
"""

import hashlib
import json
import uuid
from collections.abc import Callable

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from audit import chain, incidents
from audit.acts import Act, Outcome
from audit.models import IncidentKind, user_stream
from foundation import notices
from prescriptions import script
from prescriptions.delivery import cancellation, network, outcomes
from prescriptions.models import (
    PharmacyRequest,
    Prescription,
    ReceivedMessage,
    RequestKind,
    Transmission,
    TransmissionState,
)
from providers import access_managers

LARGEST = 256 * 1024  # bytes
ACCEPTED, REJECTED = "010", "900"
NOT_OURS = "No prescription of ours to this pharmacy has that number"
OPEN_STATES = [
    TransmissionState.WAITING,
    TransmissionState.SENDING,
    TransmissionState.TRANSMITTED,
]
WANTED = ["MedicationRequested", "MedicationDispensed", "MedicationPrescribed"]


class Refused(Exception):
    """This message is not taken in; the text fits an Error's Description."""


def receive(body: bytes) -> bytes:
    """Take a message in once and return its answer; the same again gets the same."""
    message = None
    try:
        message = script.read(body)
        _require_readable(message)
        try:
            return _file(message, body)
        except IntegrityError:  # the same message came twice at once
            return _file(message, body)
    except (script.NotReadable, Refused) as problem:
        chain.record(
            Act.MESSAGE_REFUSED, by=None, outcome=Outcome.FAILURE, reason=str(problem)
        )
        return _reply(message, "Error", code=REJECTED, description=str(problem))


def _require_readable(message: script.Message) -> None:
    if message.root.tag != "Message":
        raise Refused("This is no SCRIPT Message")
    if not 0 < len(message.message_id) <= 35 or not 0 < len(message.sender) <= 35:
        raise Refused("MessageID and From must have 1 to 35 characters")
    if message.kind not in HANDLERS:
        raise Refused("This kind of message is not accepted here")


def _file(message: script.Message, body: bytes) -> bytes:
    digest = hashlib.sha256(body).hexdigest()
    with transaction.atomic(durable=True):
        earlier = ReceivedMessage.objects.filter(
            sender=message.sender, message_id=message.message_id
        ).first()
        if earlier and earlier.digest != digest:
            raise Refused("This MessageID was used for another message")
        if earlier:
            return bytes(earlier.answer)
        ours = _locked(message)
        answer = _reply(message, "Status", code=ACCEPTED)
        received = ReceivedMessage.objects.create(
            sender=message.sender,
            message_id=message.message_id,
            kind=message.kind,
            digest=digest,
            content=body,
            answer=answer,
        )
        HANDLERS[message.kind](message, ours, received)
    return answer


def _locked(message: script.Message) -> Transmission:
    """Return the message of ours that this is about; its prescription is held."""
    numbers = [one for one in (message.relates_to, message.order_number) if one]
    found = Transmission.objects.filter(message_id__in=numbers, attempts__gt=0)
    # Of the two numbers, the one that it answers says more than the order's.
    for ours in sorted(found, key=lambda one: one.message_id != message.relates_to):
        prescription = Prescription.objects.select_for_update(no_key=True).get(
            pk=ours.about.pk
        )
        if _signed_for(prescription) == message.sender:
            return Transmission.objects.select_related("prescription").get(pk=ours.pk)
    raise Refused(NOT_OURS)


def _signed_for(prescription: Prescription) -> str:
    """Return the NCPDP ID of the pharmacy that the order went to, whatever it has now."""
    record = json.loads(prescription.signed_record.payload)
    return record["content"]["pharmacy"]["ncpdp_id"]


def _on_its_way(
    message: script.Message, ours: Transmission, received: ReceivedMessage
) -> None:
    """A Verify, Status or Error that comes later than the answer to our message."""
    answer = script.parse_result(bytes(received.content), outcomes=network.outcomes())
    if (
        answer.outcome == script.Outcome.REJECTED
        and ours.state == TransmissionState.SENDING
    ):
        # The answer to the attempt may be another; nothing is printed meanwhile.
        raise Refused("Our message is on its way just now; send this again")
    _note(ours.about, received)
    if answer.outcome == script.Outcome.TRY_AGAIN:
        return
    if outcomes.report_late_acceptance(ours, answer):
        return
    if ours.state in OPEN_STATES and outcomes.is_awaited(ours):
        outcomes.apply(ours, answer)


def _cancel_answered(
    message: script.Message, ours: Transmission, received: ReceivedMessage
) -> None:
    cancelled = getattr(ours.about, "cancellation", None)
    if cancelled is None:
        raise Refused("This prescription was not cancelled")
    if not Transmission.objects.filter(cancellation=cancelled, attempts__gt=0).exists():
        raise Refused("Our CancelRx was not sent yet")
    said = {
        kind: message.root.find(f"Body/CancelRxResponse/Response/{kind}")
        for kind in ("Denied", "Approved")
    }
    if said["Denied"] is None and said["Approved"] is None:
        raise Refused("The response is neither Approved nor Denied")
    _note(ours.about, received)
    note = message.body_text("Response/Denied/DenialReason") or message.body_text(
        "Response/Approved/Note"
    )
    # Of two answers at once, the one that leaves the patient with the drug counts.
    cancellation.record_response(
        cancelled, is_approved=said["Denied"] is None, note=_plain(note, 200)
    )


def _asked(
    message: script.Message, ours: Transmission, received: ReceivedMessage
) -> None:
    """Keep what a pharmacy asks for as a task; what it repeats is held against ours."""
    prescription = ours.about
    is_renewal = message.kind == "RxRenewalRequest"
    request = PharmacyRequest.objects.create(
        message=received,
        prescription=prescription,
        kind=RequestKind.RENEWAL if is_renewal else RequestKind.CHANGE,
        code=_plain(message.body_text("MessageRequestCode"), 10),
        **_wanted(message),
    )
    _note(prescription, received)
    chain.record(
        Act.PHARMACY_REQUEST_RECEIVED,
        by=None,
        of=request,
        stream=user_stream(prescription.prescriber.user),
    )
    outcomes.notify_prescriber(
        prescription,
        subject="A pharmacy asks for a prescription",
        template="prescriptions/mail/asked.txt",
    )
    _hold_against_what_was_signed(message, prescription)


def _wanted(message: script.Message) -> dict[str, str]:
    """Return what a request says is wanted, as it is shown."""
    wanted = next(
        (one for one in WANTED if message.root.find(f"Body/{message.kind}/{one}")
         is not None),
        WANTED[-1],
    )  # fmt: skip
    return {
        "wanted_drug": _plain(
            message.body_text(f"{wanted}/DrugDescription")
            or message.body_text(f"{wanted}/Product/DrugDescription"),
            105,
        ),
        "wanted_quantity": _plain(message.body_text(f"{wanted}/Quantity/Value"), 11),
        "wanted_refills": _plain(
            message.body_text(f"{wanted}/PharmacyRequestedRefills")
            or message.body_text(f"{wanted}/NumberOfRefills"),
            2,
        ),
        "wanted_directions": _plain(message.body_text(f"{wanted}/Sig/SigText"), 1000),
        "note": _plain(message.body_text(f"{wanted}/Note"), 210),
    }


def _hold_against_what_was_signed(
    message: script.Message, prescription: Prescription
) -> None:
    """21 CFR 1311.170(e): what changed on its way is no valid prescription any more."""
    changed = script.changed_in_transit(
        prescription.signed_record.payload.encode(),
        message,
        version=script.version_of(message).name,
    )
    if not changed:
        return
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
    _warn(prescription)
    if prescription.status in cancellation.CANCELLABLE:
        cancellation.cancel_locked(
            prescription,
            by=None,
            reason=f"The pharmacy has it otherwise than signed: {', '.join(changed)}.",
        )


def _warn(prescription: Prescription) -> None:
    """Tell the practitioner, and those who decide about the incident, at once."""
    deciding = access_managers.notice_recipients(prescription.practice)
    for person in {prescription.prescriber.user, *deciding}:
        notices.send(
            person,
            subject="A prescription was changed on its way",
            template="prescriptions/mail/changed.txt",
            pharmacy=prescription.pharmacy,
            address=settings.PORTAL_ORIGIN + prescription.get_absolute_url(),
            incidents=settings.PORTAL_ORIGIN + reverse("incident-list"),
        )


def _note(prescription: Prescription, received: ReceivedMessage) -> None:
    chain.record(
        Act.MESSAGE_RECEIVED,
        by=None,
        of=prescription,
        stream=user_stream(prescription.prescriber.user),
        kind=received.kind,
        message_id=received.message_id,
    )


def _reply(
    message: script.Message | None, kind: str, *, code: str, description: str = ""
) -> bytes:
    return script.reply(
        message,
        kind,
        code=code,
        description=description[:70],
        message_id=uuid.uuid4().hex,
        sent_at=timezone.now(),
    )


def _plain(text: str, longest: int) -> str:
    """Return text to show; the whole message is kept beside it."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(shown.split())[:longest]


HANDLERS: dict[str, Callable[[script.Message, Transmission, ReceivedMessage], None]] = {
    "Verify": _on_its_way,
    "Status": _on_its_way,
    "Error": _on_its_way,
    "CancelRxResponse": _cancel_answered,
    "RxRenewalRequest": _asked,
    "RxChangeRequest": _asked,
}
