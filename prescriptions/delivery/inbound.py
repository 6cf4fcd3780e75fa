"""Messages that pharmacies send: each is applied once and recorded.

Nothing that comes in orders, renews or changes anything. It moves a sent message along,
or becomes a task for the practitioner (21 CFR 1311.140(c)).
"""

import hashlib
import json
import uuid
from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.models import user_stream
from audit.reasons import Words
from prescriptions import script
from prescriptions.delivery import cancellation, network, outcomes, transit
from prescriptions.models import (
    PharmacyRequest,
    Prescription,
    ReceivedMessage,
    RequestKind,
    Transmission,
    TransmissionState,
)

LARGEST = 256 * 1024  # bytes
ACCEPTED, REJECTED = "010", "900"
NOT_OURS = "No prescription of ours to this pharmacy has that number"
OPEN_STATES = [
    TransmissionState.WAITING,
    TransmissionState.SENDING,
    TransmissionState.TRANSMITTED,
]


class Refused(Exception):
    """This message is not accepted; the text fits an Error's Description."""


def receive(body: bytes) -> bytes:
    """Apply a message once and return the reply; a repeated one gets the same reply."""
    message = None
    try:
        message = script.read(body)
        _require_readable(message)
        try:
            return _receive_once(message, body)
        except IntegrityError:  # the same message came twice at once
            return _receive_once(message, body)
    except (script.NotReadable, Refused) as problem:
        chain.record(
            Act.MESSAGE_REFUSED,
            by=None,
            outcome=Outcome.FAILURE,
            reason=Words(str(problem)),
        )
        return _reply(message, "Error", code=REJECTED, description=str(problem))


def _require_readable(message: script.Message) -> None:
    if message.root.tag != "Message":
        raise Refused("This is no SCRIPT Message")
    if not 0 < len(message.message_id) <= 35 or not 0 < len(message.sender) <= 35:
        raise Refused("MessageID and From must have 1 to 35 characters")
    if message.kind not in HANDLERS:
        raise Refused("This kind of message is not accepted here")


def _receive_once(message: script.Message, body: bytes) -> bytes:
    """Apply a new message, or return the reply that an earlier copy of it got."""
    digest = hashlib.sha256(body).hexdigest()
    with transaction.atomic(durable=True):
        earlier = ReceivedMessage.objects.filter(
            sender=message.sender, message_id=message.message_id
        ).first()
        if earlier and earlier.digest != digest:
            raise Refused("This MessageID was used for another message")
        if earlier:
            return bytes(earlier.answer)
        ours = _locked_message(message)
        received = _keep(message, body, digest=digest)
        HANDLERS[message.kind](message, ours, received)
    return bytes(received.answer)


def _keep(message: script.Message, body: bytes, *, digest: str) -> ReceivedMessage:
    return ReceivedMessage.objects.create(
        sender=message.sender,
        message_id=message.message_id,
        kind=message.kind,
        digest=digest,
        content=body,
        answer=_reply(message, "Status", code=ACCEPTED),
    )


def _locked_message(message: script.Message) -> Transmission:
    """Return the message of ours that this is about, and lock its prescription."""
    numbers = [
        number for number in (message.relates_to, message.order_number) if number
    ]
    candidates = Transmission.objects.filter(message_id__in=numbers, attempts__gt=0)
    # Of the two numbers, RelatesToMessageID is more specific than the order's.
    for ours in sorted(
        candidates, key=lambda candidate: candidate.message_id != message.relates_to
    ):
        prescription = Prescription.objects.select_for_update(no_key=True).get(
            pk=ours.about.pk
        )
        if _pharmacy_signed_for(prescription) == message.sender:
            return Transmission.objects.select_related("prescription").get(pk=ours.pk)
    raise Refused(NOT_OURS)


def _pharmacy_signed_for(prescription: Prescription) -> str:
    """Return the NCPDP ID that was signed, whatever the pharmacy has now."""
    record = json.loads(prescription.signed_record.payload)
    return record["content"]["pharmacy"]["ncpdp_id"]


def _apply_status(
    message: script.Message, ours: Transmission, received: ReceivedMessage
) -> None:
    """Apply a Verify, Status or Error that comes after the reply to our message."""
    result = script.parse_result(bytes(received.content), outcomes=network.outcomes())
    is_rejected = result.outcome == script.Outcome.REJECTED
    if is_rejected and ours.state == TransmissionState.SENDING:
        # The reply to the attempt may differ; nothing is printed before it is known.
        raise Refused("Our message is on its way just now; send this again")
    _record_receipt(ours.about, received)
    if result.outcome == script.Outcome.TRY_AGAIN:
        return
    if outcomes.report_late_acceptance(ours, result):
        return
    if ours.state in OPEN_STATES and outcomes.is_awaited(ours):
        outcomes.apply(ours, result)


def _apply_cancel_response(
    message: script.Message, ours: Transmission, received: ReceivedMessage
) -> None:
    canceled = getattr(ours.about, "cancellation", None)
    if canceled is None:
        raise Refused("This prescription was not cancelled")
    if not Transmission.objects.filter(cancellation=canceled, attempts__gt=0).exists():
        raise Refused("Our CancelRx was not sent yet")
    is_denied = message.has("Response/Denied")
    if not is_denied and not message.has("Response/Approved"):
        raise Refused("The response is neither Approved nor Denied")
    _record_receipt(ours.about, received)
    # Of two answers at once, the one that leaves the patient with the drug counts.
    cancellation.record_response(
        canceled, is_approved=not is_denied, note=_cancel_note(message)
    )


def _cancel_note(message: script.Message) -> str:
    reason = message.body_text("Response/Denied/DenialReason")
    note = reason or message.body_text("Response/Approved/Note")
    return script.plain(note, longest=200)


def _file_request(
    message: script.Message, ours: Transmission, received: ReceivedMessage
) -> None:
    """File what a pharmacy asks for as a task, and check what it repeats of ours."""
    prescription = ours.about
    request = _create_request(message, prescription, received)
    _record_receipt(prescription, received)
    chain.record(
        Act.PHARMACY_REQUEST_RECEIVED,
        by=None,
        of=request,
        stream=user_stream(prescription.prescriber.user),
    )
    _notify_of_request(prescription)
    transit.check(message, prescription)


def _notify_of_request(prescription: Prescription) -> None:
    outcomes.notify_prescriber(
        prescription,
        subject="A pharmacy asks for a prescription",
        template="prescriptions/mail/asked.txt",
    )


def _create_request(
    message: script.Message, prescription: Prescription, received: ReceivedMessage
) -> PharmacyRequest:
    is_renewal = message.kind == "RxRenewalRequest"
    medication = script.requested_medication(message)
    return PharmacyRequest.objects.create(
        message=received,
        prescription=prescription,
        kind=RequestKind.RENEWAL if is_renewal else RequestKind.CHANGE,
        code=script.plain(message.body_text("MessageRequestCode"), longest=10),
        wanted_drug=medication.drug,
        wanted_quantity=medication.quantity,
        wanted_refills=medication.refills,
        wanted_directions=medication.directions,
        note=medication.note,
    )


def _record_receipt(prescription: Prescription, received: ReceivedMessage) -> None:
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


HANDLERS: dict[str, Callable[[script.Message, Transmission, ReceivedMessage], None]] = {
    "Verify": _apply_status,
    "Status": _apply_status,
    "Error": _apply_status,
    "CancelRxResponse": _apply_cancel_response,
    "RxRenewalRequest": _file_request,
    "RxChangeRequest": _file_request,
}
