"""The review before signing: every blocker to marking ready and to signing.

21 CFR 1311.120(b)(9). Pure functions of a snapshot. A page shows the blockers; the
ceremony asks again under the lock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from foundation.actors import User
from foundation.blockers import Blocker
from prescriptions import content, permissions, rules
from prescriptions.models import Prescription, Status
from prescriptions.permissions import Permission
from prescriptions.rules import Place
from prescriptions.safeguards import certification
from prescriptions.signing.snapshot import Snapshot
from prescriptions.writing.rule_context import series_place
from providers import readiness
from providers.standing import Standing

NOT_YOURS = Blocker(
    "Only the practitioner named on it marks it ready and signs it.",
    "Sign in as that practitioner.",
)
MARK_IS_STALE = Blocker(
    "Something on it was changed since it was marked ready, or the day is another.",
    "Choose Not ready after all, review it and mark it ready again.",
)
NOTHING = Blocker("There is nothing to sign.", "Choose a prescription.")


@dataclass(frozen=True)
class Review:
    """One prescription as the page shows it, with its blockers."""

    prescription: Prescription
    blockers: list[Blocker]
    shown_digest: str
    issue_date: date
    place: Place | None  # in a series of Schedule II

    @property
    def is_to_be_signed(self) -> bool:
        return self.prescription.status == Status.READY and not self.blockers


@dataclass(frozen=True)
class Batch:
    """The reviewed prescriptions that one challenge would sign."""

    reviews: list[Review]
    blockers: list[Blocker]  # to signing them together
    shown_digest: str  # empty if they cannot be signed

    @property
    def prescriptions(self) -> list[Prescription]:
        return [review.prescription for review in self.reviews]


def prepare(
    prescriptions: list[Prescription], snapshot: Snapshot, *, by: User
) -> list[Review]:
    """Return what the page shows of each of these prescriptions of one patient."""
    return [
        Review(
            prescription,
            blockers(prescription, snapshot, by=by),
            content.digest(prescription),
            prescription.issue_date,
            series_place(prescription, snapshot.circumstances),
        )
        for prescription in prescriptions
    ]


def batch(reviews: list[Review], snapshot: Snapshot) -> Batch:
    """Return the reviewed prescriptions that are ready to sign, to be signed at once."""
    to_sign = [review for review in reviews if review.is_to_be_signed]
    prescriptions = [review.prescription for review in to_sign]
    blockers = blockers_together(prescriptions, snapshot) if len(to_sign) > 1 else []
    shown_digest = ""
    if to_sign and not blockers:
        shown_digest = content.digest_over(review.shown_digest for review in to_sign)
    return Batch(to_sign, blockers, shown_digest)


def blockers(
    prescription: Prescription, snapshot: Snapshot, *, by: User
) -> list[Blocker]:
    """Return the blockers to marking this prescription ready, or to signing it."""
    if not is_prescriber(prescription, by):
        return [NOT_YOURS]

    def ask(standing: Standing) -> list[Blocker]:
        return readiness.blockers_for_now(standing, now=snapshot.at)

    return [
        *gate_blockers(snapshot),
        *_rule_blockers([prescription], snapshot, ask=ask),
    ]


def blockers_together(
    prescriptions: list[Prescription], snapshot: Snapshot
) -> list[Blocker]:
    """Return the blockers to signing these at once, each of which could be signed."""
    return rules.blockers_to_signing(prescriptions, around=snapshot.circumstances)


def blockers_under_lock(
    prescriptions: list[Prescription], snapshot: Snapshot, *, by: User
) -> list[Blocker]:
    """Return the blockers to the act itself; the caller holds the rows."""
    if not all(is_prescriber(prescription, by) for prescription in prescriptions):
        return [NOT_YOURS]
    return _rule_blockers(prescriptions, snapshot, ask=readiness.blockers_to_signing)


def is_prescriber(prescription: Prescription, by: User) -> bool:
    """Return True for the practitioner on it, unless somebody else marked it."""
    is_marked_by_another = prescription.ready_by_id not in (None, by.pk)
    return not is_marked_by_another and permissions.may(
        by, Permission.SIGN, of=prescription
    )


def status_blockers(prescription: Prescription, status: Status) -> list[Blocker]:
    """Return a blocker unless this prescription has the status that the act needs."""
    if prescription.status == status:
        return []
    return [
        Blocker(
            f"This prescription is {prescription.get_status_display().lower()}.",
            f"It has to be {status.label.lower()} for that.",
        )
    ]


def gate_blockers(snapshot: Snapshot) -> list[Blocker]:
    """Return a blocker for each part of the portal that is out of order."""
    return [
        Blocker(problem, "Signing has stopped until this is mended.")
        for problem in snapshot.health.problems
    ]


def _rule_blockers(
    prescriptions: list[Prescription],
    snapshot: Snapshot,
    *,
    ask: Callable[[Standing], list[Blocker]],
) -> list[Blocker]:
    """Ask every rule; `ask` is the question about the practitioner's readiness."""
    blockers: list[Blocker] = []
    for prescription in prescriptions:
        blockers += ask(snapshot.standing(prescription))
        blockers += _mark_blockers(prescription)
    blockers += certification.blockers(prescriptions, reports=snapshot.health.reports)
    return [*blockers, *blockers_together(prescriptions, snapshot)]


def _mark_blockers(prescription: Prescription) -> list[Blocker]:
    is_ready = prescription.status == Status.READY
    if is_ready and prescription.ready_digest != content.digest(prescription):
        return [MARK_IS_STALE]
    return []
