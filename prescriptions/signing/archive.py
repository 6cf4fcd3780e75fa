"""The signed record and its NewRx, written in the transaction of the signature.

21 CFR 1311.120(b)(15), 1311.170(a): sign, archive and queue together or not at all.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from foundation.actors import User
from mfa.models import Challenge
from prescriptions import content, script
from prescriptions.delivery import outbox
from prescriptions.models import (
    Prescription,
    SignedRecord,
    Status,
    Transmission,
)
from prescriptions.network_settings import script_settings
from prescriptions.safeguards.releases import software_version
from prescriptions.signer import CurrentKey


class DoesNotMatch(Exception):
    """The content to sign differs from the content marked ready."""


@dataclass(frozen=True)
class _Signing:
    """What the records of one ceremony share."""

    signer: User
    challenge: Challenge
    key: CurrentKey
    at: datetime


def sign_and_queue(
    prescriptions: list[Prescription],
    *,
    by: User,
    challenge: Challenge,
    key: CurrentKey,
) -> list[SignedRecord]:
    """Sign, archive and queue each prescription, in the caller's transaction.

    Raise DoesNotMatch, script.DoesNotFit or signer.SignerUnavailable.
    """
    signing = _Signing(by, challenge, key, at=timezone.now())
    records = [_archive(prescription, signing) for prescription in prescriptions]
    for record in records:
        _queue(record)
    return records


def _archive(prescription: Prescription, signing: _Signing) -> SignedRecord:
    """Archive the signed record of a prescription, then mark its row signed."""
    prescription.issued_on = prescription.practice.today()
    record = _create_record(prescription, _payload(prescription, signing), signing)
    prescription.status = Status.SIGNED
    prescription.signed_at = prescription.updated_at = signing.at
    prescription.save()
    return record


def _create_record(
    prescription: Prescription, payload: bytes, signing: _Signing
) -> SignedRecord:
    device = signing.challenge.device
    return SignedRecord.objects.create(
        prescription=prescription,
        signer=signing.signer,
        device=device,
        device_nickname=device.name,
        challenge=signing.challenge,
        key=signing.key.row,
        content_digest=prescription.ready_digest,
        payload=payload.decode(),
        payload_digest=hashlib.sha256(payload).hexdigest(),
        jws=signing.key.sign(payload),
        software_version=software_version(),
        signed_at=signing.at,
    )


def _payload(prescription: Prescription, signing: _Signing) -> bytes:
    """Return the bytes to sign; raise DoesNotMatch, for one when midnight passed."""
    canonical, device = content.canonical(prescription), signing.challenge.device
    if content.digest_of(canonical) != prescription.ready_digest:
        raise DoesNotMatch
    return content.encode(
        {
            "content": canonical,
            "content_digest": prescription.ready_digest,
            "message_id": prescription.public_id.hex,
            "signed_at": content.timestamp(signing.at),
            "signer": signing.signer.get_username(),
            "device": {"id": str(device.public_id), "nickname": device.name},
            "challenge": str(signing.challenge.public_id),
            "key_id": signing.key.row.kid,
            "software": f"epcs-portal {software_version()}",
        }
    )


def _queue(record: SignedRecord) -> None:
    """Put the NewRx of a signed record into the outbox."""
    prescription = record.prescription
    version = script_settings().version
    message = Transmission(
        prescription=prescription,
        message_id=prescription.public_id.hex,
        version=version,
        xml=script.new_rx(record.payload.encode(), version=version),
    )
    outbox.add(message, now=record.signed_at)
    prescription.status = Status.QUEUED
    prescription.save(update_fields=["status"])
