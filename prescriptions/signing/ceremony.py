"""The signing ceremony: only the practitioner marks ready, undoes and signs.

21 CFR 1311.120(b)(9)-(15), 1311.140. The signature, the archive, the change of status,
the message to the pharmacy and the events are written in one transaction or not at all.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from django.db import transaction
from django.utils import timezone

from audit import chain, refusals
from audit.acts import Act, Outcome
from audit.models import Event
from foundation.actors import User
from foundation.blockers import Blocker
from foundation.refusals import Refused
from mfa import challenges, devices
from mfa.models import Challenge, Device, Intent, Purpose
from prescriptions import content, script, signer
from prescriptions.models import Prescription, SignedRecord, Status
from prescriptions.signing import archive, review, snapshot
from prescriptions.signing.snapshot import Snapshot
from providers.standing import Standing

CHANGED = (
    "Something on this prescription was changed after the page was shown. "
    "Nothing was signed. Review it again."
)


class NotSignable(Refused):
    """Refused to mark ready, undo or sign; `blockers` say why and what to do."""

    def __init__(self, blockers: Iterable[Blocker]) -> None:
        self.blockers = list(dict.fromkeys(blockers))
        texts = [f"{blocker.label} {blocker.remedy}" for blocker in self.blockers]
        super().__init__(" ".join(text.strip() for text in texts))


class GateClosed(NotSignable):
    """Signing has stopped, for this prescription and every other."""

    status = HTTPStatus.CONFLICT
    act = Act.SIGNING_BLOCKED


def mark_ready(prescription: Prescription, *, by: User) -> None:
    """Mark ready to sign what the given instance shows; raise NotSignable.

    21 CFR 1311.120(b)(10).
    """
    with (
        refusals.recorded(Act.SIGNING_REFUSED, by=by, of=prescription),
        transaction.atomic(durable=True),
    ):
        locked = _locked([prescription])[0]
        world = snapshot.take([locked], by=by)
        _require_open_gate(world)
        _require_status(locked, Status.DRAFT)
        _refuse_on(review.blockers_under_lock([locked], world, by=by))
        digest = content.digest(locked)
        if content.digest(prescription) != digest:
            raise NotSignable([Blocker(CHANGED, "")])
        locked.status = Status.READY
        locked.ready_digest, locked.ready_by = digest, by
        locked.ready_at = locked.updated_at = timezone.now()
        locked.save()
        chain.record(Act.PRESCRIPTION_READY, by=by, of=locked, digest=digest)


def unready(prescription: Prescription, *, by: User) -> None:
    """Undo the ready mark, so that signing needs a new review; raise NotSignable."""
    with (
        refusals.recorded(Act.SIGNING_REFUSED, by=by, of=prescription),
        transaction.atomic(durable=True),
    ):
        locked = _locked([prescription])[0]
        _refuse_on([] if review.is_prescriber(locked, by) else [review.NOT_YOURS])
        _require_status(locked, Status.READY)
        locked.unmark()
        locked.save()
        chain.record(Act.PRESCRIPTION_UNREADY, by=by, of=locked)


def sign(
    prescriptions: list[Prescription],
    *,
    by: User,
    challenge: Challenge,
    session_key: str,
) -> list[SignedRecord]:
    """Sign prescriptions of one patient with one passed challenge, once.

    Raise Refused: NotSignable, NotProven, DeviceChangeRefused or SignerUnavailable.
    Then only the refusal is recorded.
    """
    first = prescriptions[0] if prescriptions else None
    with (
        refusals.recorded(Act.SIGNING_REFUSED, by=by, of=first),
        transaction.atomic(durable=True),
    ):
        locked = _locked(prescriptions)
        _lock_signer(by)
        world = snapshot.take(locked, by=by)
        _require_signable(locked, world, by=by)
        _make_primary(challenge.device, world.standing(locked[0]), by=by)
        _consume(challenge, by=by, prescriptions=locked, session_key=session_key)
        key = signer.open_key()
        with _refusing_loss():
            records = archive.sign_and_queue(
                locked, by=by, challenge=challenge, key=key
            )
        chain.record_all([_signed(record, by=by) for record in records])
    return records


def _require_signable(
    prescriptions: list[Prescription], world: Snapshot, *, by: User
) -> None:
    """Raise NotSignable unless each may be signed as the rows are, under the lock."""
    _require_open_gate(world)
    for prescription in prescriptions:
        _require_status(prescription, Status.READY)
    _refuse_on(review.blockers_under_lock(prescriptions, world, by=by))


def record_refusal(
    prescription: Prescription, blockers: list[Blocker], *, by: User
) -> None:
    """Record an attempt to sign that the page refused before any device was asked."""
    refused_on = blockers or review.status_blockers(prescription, Status.READY)
    chain.record(
        Act.SIGNING_REFUSED,
        by=by,
        of=prescription,
        outcome=Outcome.FAILURE,
        blockers=[blocker.label for blocker in refused_on] or [CHANGED],
    )


def _lock_signer(by: User) -> None:
    """Lock the row that a suspension locks, so that it waits for this transaction."""
    challenges.lock_user(by.pk)


def _make_primary(device: Device, standing: Standing, *, by: User) -> None:
    """Make the device that answered the primary one, before it signs."""
    if standing.primary is None or standing.primary.pk != device.pk:
        devices.promote(device, by=by)


def _consume(
    challenge: Challenge,
    *,
    by: User,
    prescriptions: list[Prescription],
    session_key: str,
) -> None:
    challenges.consume(
        challenge,
        Intent(by, Purpose.SIGN, content.payload_digest(prescriptions), session_key),
    )


def _signed(record: SignedRecord, *, by: User) -> Event:
    """Return the event of a signature; queueing is the same transition."""
    return chain.prepare(
        Act.PRESCRIPTION_SIGNED,
        by=by,
        of=record.prescription,
        challenge=str(record.challenge.public_id),
        device=str(record.device.public_id),
        digest=record.payload_digest,
        key_id=record.key.kid,
        message_id=record.prescription.public_id.hex,
    )


def _require_status(prescription: Prescription, status: Status) -> None:
    _refuse_on(review.status_blockers(prescription, status))


def _refuse_on(blockers: list[Blocker]) -> None:
    if blockers:
        raise NotSignable(blockers)


def _require_open_gate(world: Snapshot) -> None:
    if blockers := review.gate_blockers(world):
        raise GateClosed(blockers)


def _locked(prescriptions: list[Prescription]) -> list[Prescription]:
    """Return these rows locked, in the order of their keys; raise NotSignable."""
    pks = {prescription.pk for prescription in prescriptions}
    rows = (
        Prescription.objects.select_for_update(of=["self"], no_key=True)
        .select_related(*Prescription.SHOWN_WITH)
        .filter(pk__in=pks)
        .order_by("pk")
    )
    if not pks or len(rows) != len(pks):
        raise NotSignable([review.NOTHING])
    return list(rows)


@contextmanager
def _refusing_loss() -> Iterator[None]:
    """Refuse what the archive or SCRIPT cannot hold unchanged."""
    try:
        yield
    except archive.DoesNotMatch:
        raise NotSignable([review.MARK_IS_STALE]) from None
    except script.DoesNotFit as problem:
        raise NotSignable(
            [Blocker(f"It cannot be sent unshortened: {problem}", "Shorten it.")]
        ) from None
