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
    today = prescriptions[0].practice.today()  # of all: they are of one patient
    for prescription in prescriptions:
        prescription.issued_on = today
    records = SignedRecord.objects.bulk_create(
        _record(prescription, signing) for prescription in prescriptions
    )
    outbox.add_all([_new_rx(record) for record in records], now=signing.at)
    _mark_queued(prescriptions, at=signing.at)
    return records


def _record(prescription: Prescription, signing: _Signing) -> SignedRecord:
    """Return the signed record of a prescription, to be archived."""
    payload, device = _payload(prescription, signing), signing.challenge.device
    return SignedRecord(
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


def _new_rx(record: SignedRecord) -> Transmission:
    """Return the NewRx of a signed record, to be put into the outbox."""
    version = script_settings().version
    return Transmission(
        prescription=record.prescription,
        message_id=record.prescription.public_id.hex,
        version=version,
        xml=script.new_rx(record.payload.encode(), version=version),
    )


def _mark_queued(prescriptions: list[Prescription], *, at: datetime) -> None:
    """Signing and queueing are one change of status, of all in one statement."""
    changes = {
        "status": Status.QUEUED,
        "issued_on": prescriptions[0].issued_on,
        "signed_at": at,
        "updated_at": at,
    }
    for prescription in prescriptions:
        for name, value in changes.items():
            setattr(prescription, name, value)
    pks = [prescription.pk for prescription in prescriptions]
    Prescription.objects.filter(pk__in=pks).update(**changes)
