"""What is made of an incident, by a designee of the access controls (1311.150(c))."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.models import Incident, IncidentStep, Step, user_stream
from audit.models.incidents import DECISIONS, TELLINGS
from epcs_portal.incidents import accounts
from foundation import notices


class NotAllowed(PermissionDenied):
    """Somebody who is no designee there decides."""


class NotPossible(Exception):
    """The step does not follow; the message says why."""


def take(step: Step, incident: Incident, *, by, words: str, seen: int) -> IncidentStep:
    """Decide about an incident, or say who was told of it; on record with its words.

    `seen` is how many steps the person has read, so that nobody decides past another.
    """
    if not accounts.decided_by(by).filter(pk=incident.pk).exists():
        _refuse(incident, by=by)
    if _is_own(incident, by=by):
        raise NotPossible(
            "This is about your own account. Another designee decides it."
        )
    with transaction.atomic(durable=True):
        locked = _locked(incident)
        steps = list(locked.steps.exclude(kind=Step.OVERDUE))
        if len(steps) != seen:
            raise NotPossible("Somebody else has just decided. Read it, then go on.")
        if step not in possible(steps):
            raise NotPossible("That does not follow what was decided.")
        taken = _add(locked, step, username=by.get_username(), words=words.strip())
        act = Act.INCIDENT_DECIDED if step in DECISIONS else Act.INCIDENT_REPORTED
        chain.record(act, by=by, of=locked, kind=step)
    return taken


def possible(steps: list[IncidentStep]) -> list[Step]:
    """Return what can follow the steps that were taken."""
    taken = [Step(step.kind) for step in steps]
    decided = [step for step in taken if step in DECISIONS]
    if not decided:
        return DECISIONS
    if decided[-1] == Step.DISMISSED:
        return [Step.CONFIRMED]
    return [*(step for step in TELLINGS if step not in taken), Step.DISMISSED]


def mark_overdue() -> list[Incident]:
    """Mark what nobody has decided or told in time, and tell its designees, once."""
    found = Incident.objects.overdue(timezone.now()).not_marked_overdue()
    return [incident for incident in found if _mark(incident)]


def _mark(incident: Incident) -> bool:
    with transaction.atomic(durable=True):
        locked = _locked(incident)
        if locked.steps.filter(kind=Step.OVERDUE).exists():
            return False
        _add(locked, Step.OVERDUE, username=chain.SYSTEM)
        for person in accounts.deciders_of(locked):
            notices.send(
                person,
                subject="An incident of the portal is overdue",
                template="epcs_portal/incidents/mail/overdue.txt",
                incident=locked,
            )
        chain.record(Act.INCIDENT_OVERDUE, by=None, of=locked, outcome=Outcome.FAILURE)
    return True


def _is_own(incident: Incident, *, by) -> bool:
    """Say whether somebody who is nearer to the matter than another decider decides.

    Whoever acted is nearest; then comes whose account it happened to.
    """
    others = [one for one in accounts.deciders_of(incident) if one.pk != by.pk]
    if incident.username == by.get_username():
        return bool(others)
    if incident.stream != user_stream(by):
        return False
    return any(one.get_username() != incident.username for one in others)


def _locked(incident: Incident) -> Incident:
    return Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)


def _add(incident: Incident, step: Step, *, username: str, words: str = ""):
    return IncidentStep.objects.create(
        incident=incident,
        number=incident.steps.count() + 1,
        kind=step,
        at=timezone.now(),
        username=username,
        words=words,
    )


def _refuse(incident: Incident, *, by) -> None:
    chain.denied(by=by, of=incident, reason="not a designee of the practice")
    raise NotAllowed("Only designees of the access controls decide about incidents.")
