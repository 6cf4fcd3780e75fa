"""The signed record and its message, written in the transaction of the signature.

21 CFR 1311.120(b)(15), 1311.170(a): signed, archived and queued together or not at all.
"""

import hashlib
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from foundation.actors import User
from mfa.models import Challenge
from prescriptions import content, script, signer
from prescriptions.delivery import outbox
from prescriptions.models import (
    Prescription,
    SignedRecord,
    SigningKey,
    Status,
    Transmission,
)
from prescriptions.safeguards.releases import software_version


class DoesNotMatch(Exception):
    """What would be signed is not what was marked ready."""


def sign_and_queue(
    prescriptions: list[Prescription], *, by: User, challenge: Challenge
) -> list[SignedRecord]:
    """Sign, archive and queue each of these, in the caller's transaction.

    Raise DoesNotMatch, script.DoesNotFit or signer.SignerUnavailable.
    """
    key, now = signer.current_key(), timezone.now()
    records = [
        _archive(one, by=by, challenge=challenge, key=key, now=now)
        for one in prescriptions
    ]
    for record in records:
        _queue(record, now=now)
    return records


def _archive(
    prescription: Prescription,
    *,
    by: User,
    challenge: Challenge,
    key: SigningKey,
    now: datetime,
) -> SignedRecord:
    """Sign and keep the record, then make the row agree with it."""
    prescription.issued_on = prescription.practice.today()
    payload = _payload(prescription, by=by, challenge=challenge, key=key, now=now)
    record = SignedRecord.objects.create(
        prescription=prescription,
        signer=by,
        device=challenge.device,
        device_nickname=challenge.device.name,
        challenge=challenge,
        key=key,
        content_digest=prescription.ready_digest,
        payload=payload.decode(),
        payload_digest=hashlib.sha256(payload).hexdigest(),
        jws=signer.sign(payload, kid=key.kid),
        software_version=software_version(),
        signed_at=now,
    )
    prescription.status = Status.SIGNED
    prescription.signed_at = prescription.updated_at = now
    prescription.save()
    return record


def _payload(
    prescription: Prescription,
    *,
    by: User,
    challenge: Challenge,
    key: SigningKey,
    now: datetime,
) -> bytes:
    """Return the bytes to sign; midnight may have passed since the rules were asked."""
    picture, device = content.canonical(prescription), challenge.device
    if content.digest_of(picture) != prescription.ready_digest:
        raise DoesNotMatch
    return content.encode(
        {
            "content": picture,
            "content_digest": prescription.ready_digest,
            "message_id": prescription.public_id.hex,
            "signed_at": content.timestamp(now),
            "signer": by.get_username(),
            "device": {"id": str(device.public_id), "nickname": device.name},
            "challenge": str(challenge.public_id),
            "key_id": key.kid,
            "software": f"epcs-portal {software_version()}",
        }
    )


def _queue(record: SignedRecord, *, now: datetime) -> None:
    prescription = record.prescription
    version = settings.SCRIPT_VERSION
    message = Transmission(
        prescription=prescription,
        message_id=prescription.public_id.hex,
        version=version,
        xml=script.new_rx(record.payload.encode(), version=version),
    )
    outbox.add(message, now=now)
    prescription.status = Status.QUEUED
    prescription.save(update_fields=["status"])
