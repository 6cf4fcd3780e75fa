"""Verification that signed records, their rows and the messages sent still agree."""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime

from mfa.models import ChallengeState
from prescriptions import content, script, signer
from prescriptions.models import (
    SINCE_SIGNING,
    Prescription,
    SignedRecord,
    Status,
    Transmission,
)
from providers import identifiers

# Fixed at signing; other parts of the content come from rows that may change later.
FIXED_FIELDS = [
    "prescription",
    "issued_on",
    "quantity",
    "partial_fill_quantity",
    "days_supply",
    "refills",
    "directions",
    "note",
    "substitutions_allowed",
    "earliest_fill_on",
    "emergency_oral_on",
]

# Rows that verification reads beside each signed record.
VERIFIED_WITH = [
    "prescription__practice",
    "prescription__patient",
    "prescription__drug",
    "prescription__pharmacy",
    "prescription__prescriber",
    "prescription__supervisor",
    "prescription__dea_registration",
    "prescription__prepared_by",
    "prescription__transmission",
    "prescription__cancellation__message",
    "challenge",
    "signer",
    "key",
    "device",
]
PARTIES = ["patient", "prescriber", "supervisor", "practice", "drug", "pharmacy"]


def problems() -> Iterator[str]:
    """Yield the problem of each signed prescription that does not verify."""
    signed = Prescription.objects.filter(status__in=[*SINCE_SIGNING, Status.PRINTED])
    unrecorded = signed.filter(signed_record=None).exclude(signed_at=None)
    for prescription in unrecorded.order_by("pk"):
        yield f"Prescription {prescription.public_id}: its signed record is missing."
    records = SignedRecord.objects.select_related(*VERIFIED_WITH).order_by("pk")
    for record in records.iterator(chunk_size=500):
        if problem := problem_with(record):
            yield f"Prescription {record.prescription.public_id}: {problem}"


def problem_with(record: SignedRecord) -> str:
    """Return the first problem with a signed record; empty if it verifies."""
    payload = record.payload.encode()
    try:
        if signer.verify(record.jws) != payload:
            return "the signature is over other content."
        signed = json.loads(payload)
    except (signer.SignatureInvalid, ValueError) as problem:
        return str(problem)
    if hashlib.sha256(payload).hexdigest() != record.payload_digest:
        return "the digest of the record does not match."
    if content.digest_of(signed["content"]) != record.content_digest:
        return "the digest of the content does not match."
    return (
        _problem_with_row(record, signed["content"])
        or _problem_with_facts(record, signed)
        or _problem_with_date(signed)
        or _problem_with_message(record, payload)
    )


def _problem_with_row(record: SignedRecord, signed: dict) -> str:
    prescription = record.prescription
    now = content.canonical(prescription)
    # Format 1 lacks fields that were added later; there the row has no value either.
    changed = [name for name in FIXED_FIELDS if now[name] != signed.get(name)]
    for name in PARTIES:
        if _id(now[name]) != _id(signed.get(name)):
            changed.append(name)
    if now["drug"]["schedule"] != signed["drug"]["schedule"]:
        changed.append("schedule")
    if now["prescriber"]["dea_number"] != signed["prescriber"]["dea_number"]:
        changed.append("DEA number")
    if prescription.ready_digest != record.content_digest:
        changed.append("mark")
    return f"changed since it was signed: {', '.join(changed)}." if changed else ""


def _id(party: dict | None) -> str:
    return party["id"] if party else ""


def _problem_with_facts(record: SignedRecord, signed: dict) -> str:
    """21 CFR 1311.120(b)(12): one person owned the number, marked it and signed it."""
    prescription, challenge = record.prescription, record.challenge
    people = {record.signer_id, prescription.ready_by_id, challenge.user_id}
    if people != {prescription.prescriber.user_id}:
        return "the signer is not the practitioner on it."
    if challenge.state != ChallengeState.CONSUMED:
        return "its challenge was never used."
    facts = {
        "challenge": str(challenge.public_id),
        "device": {
            "id": str(record.device.public_id),
            "nickname": record.device_nickname,
        },
        "key_id": record.key.kid,
    }
    wrong = [name for name, value in facts.items() if signed[name] != value]
    return f"the record was signed with another {wrong[0]}." if wrong else ""


def _problem_with_date(signed: dict) -> str:
    """21 CFR 1306.05(a): dated as of, and signed on, the day issued at the practice."""
    zone = identifiers.zone(signed["content"]["practice"]["time_zone"])
    signed_on = datetime.fromisoformat(signed["signed_at"]).astimezone(zone).date()
    if signed["content"]["issued_on"] == signed_on.isoformat():
        return ""
    return "it is dated another day than it was signed on."


def _problem_with_message(record: SignedRecord, payload: bytes) -> str:
    message = getattr(record.prescription, "transmission", None)
    if message is None:
        if record.prescription.status in (Status.SIGNED, Status.CANCELLED):
            return ""
        return "its message to the pharmacy is missing."
    return _problem_with_words(message, payload) or _problem_with_cancellation(
        record, payload
    )


def _problem_with_words(message: Transmission, payload: bytes) -> str:
    """21 CFR 1311.170(e): each field as it is read from the message, then the bytes."""
    xml, version = bytes(message.xml), message.version
    if differing := script.differences(payload, xml, version=version):
        return f"what was sent is not what was signed: {', '.join(differing)}."
    if xml != script.new_rx(payload, version=version):
        return "what was sent is not what was signed."
    return ""


def _problem_with_cancellation(record: SignedRecord, payload: bytes) -> str:
    cancellation = getattr(record.prescription, "cancellation", None)
    cancel = getattr(cancellation, "message", None)
    if cancel is None or bytes(cancel.xml) == script.cancel_rx(
        payload,
        message_id=cancel.message_id,
        sent_at=cancel.created_at,
        version=cancel.version,
    ):
        return ""
    return "what was cancelled is not what was signed."
