"""Ready and sign: the acts that only the practitioner on the prescription does.

21 CFR 1311.120(b)(9)-(15), 1311.140. The signature, the archive, the change of status,
the message to the pharmacy and the events stand in one transaction or not at all.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from foundation.actors import User
from foundation.blockers import Blocker
from mfa import challenges, devices, refusals
from mfa.models import Challenge, Purpose
from prescriptions import content, rules, script, signer
from prescriptions.models import Prescription, SignedRecord, Status
from prescriptions.safeguards import certification
from prescriptions.signing import archive, gate
from prescriptions.writing import rule_context
from providers import readiness

CHANGED = (
    "Something on this prescription was changed after the page was shown. "
    "Nothing was signed. Review it again."
)
NOT_YOURS = Blocker(
    "Only the practitioner named on it marks it ready and signs it.",
    "Sign in as that practitioner.",
)
MARK_IS_STALE = Blocker(
    "Something on it was changed since it was marked ready, or the day is another.",
    "Choose Not ready after all, review it and mark it ready again.",
)
NOTHING = Blocker("There is nothing to sign.", "Choose a prescription.")


class NotSignable(Exception):
    """It may not be marked ready or signed; `blockers` say why and what to do."""

    def __init__(self, blockers: Iterable[Blocker], *, act: Act = Act.SIGNING_REFUSED):
        self.blockers = list(dict.fromkeys(blockers))
        self.act = act
        super().__init__(
            " ".join(f"{one.label} {one.remedy}".strip() for one in self.blockers)
        )


def blockers(prescription: Prescription, *, by: User) -> list[Blocker]:
    """Return everything that stands between this prescription and its next step."""
    return blockers_by_pk([prescription], by=by)[prescription.pk]


def blockers_by_pk(
    prescriptions: list[Prescription], *, by: User
) -> dict[int, list[Blocker]]:
    """Return the same for several at once, by primary key; for pages."""
    out_of_order, ask = _out_of_order(by), cache(readiness.blockers_for_now)
    around = rule_context.load(prescriptions)
    found = {}
    for one in prescriptions:
        if _is_prescriber(one, by):
            mine = _blockers([one], by=by, ask=ask, around=around)
            found[one.pk] = [*out_of_order, *mine]
        else:
            found[one.pk] = [NOT_YOURS]
    return found


def blockers_together(prescriptions: list[Prescription]) -> list[Blocker]:
    """Return why these, each of which could be signed, cannot be signed together."""
    return rules.blockers_to_signing(
        prescriptions, around=rule_context.load(prescriptions)
    )


def mark_ready(prescription: Prescription, *, by: User) -> None:
    """Put the practitioner's mark on what the given instance shows; raise NotSignable."""
    with _recording_refusals(prescription, by=by), transaction.atomic(durable=True):
        locked = _locked([prescription])[0]
        _require_in_order(by)
        _refuse_on(_unless(locked, Status.DRAFT) or _blockers([locked], by=by))
        digest = content.digest(locked)
        if content.digest(prescription) != digest:
            raise NotSignable([Blocker(CHANGED, "")])
        locked.status = Status.READY
        locked.ready_digest, locked.ready_by = digest, by
        locked.ready_at = locked.updated_at = timezone.now()
        locked.save()
        chain.record(Act.PRESCRIPTION_READY, by=by, of=locked, digest=digest)


def unready(prescription: Prescription, *, by: User) -> None:
    """Take the mark back; signing needs a new review. Raise NotSignable."""
    with _recording_refusals(prescription, by=by), transaction.atomic(durable=True):
        locked = _locked([prescription])[0]
        _refuse_on([] if _is_prescriber(locked, by) else [NOT_YOURS])
        _refuse_on(_unless(locked, Status.READY))
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

    Raise NotSignable, refusals.NotProven, devices.DeviceChangeRefused or
    signer.SignerUnavailable; then nothing has changed but the record of the refusal.
    """
    first = prescriptions[0] if prescriptions else None
    with _recording_refusals(first, by=by), transaction.atomic(durable=True):
        locked = _locked(prescriptions)
        # As whoever suspends the right does: it holds until what is signed is kept.
        get_user_model().objects.select_for_update(no_key=True).get(pk=by.pk)
        _require_in_order(by)
        for one in locked:
            _refuse_on(_unless(one, Status.READY))
        _refuse_on(_blockers(locked, by=by))
        _consume(challenge, by=by, prescriptions=locked, session_key=session_key)
        with _refusing_loss():
            records = archive.sign_and_queue(locked, by=by, challenge=challenge)
        for record in records:
            _record_signature(record, by=by)
    return records


def record_refusal(prescription: Prescription, *, by: User) -> None:
    """Put on record an attempt to sign that the page turned away before the code."""
    found = blockers(prescription, by=by) or _unless(prescription, Status.READY)
    chain.record(
        Act.SIGNING_REFUSED,
        by=by,
        of=prescription,
        outcome=Outcome.FAILURE,
        blockers=[blocker.label for blocker in found] or [CHANGED],
    )


def _consume(
    challenge: Challenge,
    *,
    by: User,
    prescriptions: list[Prescription],
    session_key: str,
) -> None:
    """Redeem the challenge; the device that answered becomes the primary one first."""
    if challenge.device_id != getattr(devices.primary_of(by), "pk", None):
        devices.promote(challenge.device, by=by)
    challenges.consume(
        challenge,
        user=by,
        purpose=Purpose.SIGN,
        payload_digest=content.payload_digest(prescriptions),
        session_key=session_key,
    )


def _record_signature(record: SignedRecord, *, by: User) -> None:
    prescription = record.prescription
    chain.record(
        Act.PRESCRIPTION_SIGNED,
        by=by,
        of=prescription,
        challenge=str(record.challenge.public_id),
        device=str(record.device.public_id),
        digest=record.payload_digest,
        key_id=record.key.kid,
    )
    chain.record(
        Act.PRESCRIPTION_QUEUED,
        by=by,
        of=prescription,
        message_id=prescription.public_id.hex,
    )


def _blockers(
    prescriptions: list[Prescription],
    *,
    by: User,
    ask: Callable[..., list[Blocker]] = readiness.blockers_to_signing,
    around: rules.Circumstances | None = None,
) -> list[Blocker]:
    """Ask every rule; under the lock, and again for what is shown before."""
    if not prescriptions:
        return [NOTHING]
    if not all(_is_prescriber(one, by) for one in prescriptions):
        return [NOT_YOURS]
    found: list[Blocker] = []
    around = around or rule_context.load(prescriptions)
    for one in prescriptions:
        found += ask(one.prescriber, practice=one.practice, on=around.on)
        if one.status == Status.READY and one.ready_digest != content.digest(one):
            found.append(MARK_IS_STALE)
    found += certification.blockers(prescriptions)
    return [*found, *rules.blockers_to_signing(prescriptions, around=around)]


def _is_prescriber(prescription: Prescription, by: User) -> bool:
    """Say whether this is the one person: active, named on it, and who marked it."""
    return (
        by.is_active
        and prescription.prescriber.user_id == by.pk
        and prescription.ready_by_id in (None, by.pk)
    )


def _unless(prescription: Prescription, status: Status) -> list[Blocker]:
    if prescription.status == status:
        return []
    return [
        Blocker(
            f"This prescription is {prescription.get_status_display().lower()}.",
            f"It has to be {status.label.lower()} for that.",
        )
    ]


def _refuse_on(found: list[Blocker]) -> None:
    if found:
        raise NotSignable(found)


def _out_of_order(by: User) -> list[Blocker]:
    return [
        Blocker(problem, "Signing has stopped until this is mended.")
        for problem in gate.problems(by=by)
    ]


def _require_in_order(by: User) -> None:
    if found := _out_of_order(by):
        raise NotSignable(found, act=Act.SIGNING_BLOCKED)


def _locked(prescriptions: list[Prescription]) -> list[Prescription]:
    pks = {prescription.pk for prescription in prescriptions}
    rows = (
        Prescription.objects.select_for_update(of=["self"], no_key=True)
        .select_related(*Prescription.SHOWN_WITH)
        .filter(pk__in=pks)
        .order_by("pk")
    )
    if not pks or len(rows) != len(pks):
        raise NotSignable([NOTHING])
    return list(rows)


@contextmanager
def _refusing_loss() -> Iterator[None]:
    """Turn what the archive or the message cannot hold unchanged into a refusal."""
    try:
        yield
    except archive.DoesNotMatch:
        raise NotSignable([MARK_IS_STALE]) from None
    except script.DoesNotFit as problem:
        raise NotSignable(
            [Blocker(f"It cannot be sent unshortened: {problem}", "Shorten it.")]
        ) from None


@contextmanager
def _recording_refusals(
    prescription: Prescription | None, *, by: User
) -> Iterator[None]:
    """Put a refusal on record after its transaction, so that no rollback takes it."""
    record = partial(chain.record, by=by, of=prescription, outcome=Outcome.FAILURE)
    try:
        yield
    except NotSignable as refusal:
        labels = [blocker.label for blocker in refusal.blockers]
        record(refusal.act, blockers=labels)
        raise
    except (
        refusals.NotProven,
        devices.DeviceChangeRefused,
        signer.SignerUnavailable,
    ) as refusal:
        record(Act.SIGNING_REFUSED, reason=str(refusal))
        raise
