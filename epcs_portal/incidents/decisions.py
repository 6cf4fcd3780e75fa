"""Decisions about incidents, by access managers (21 CFR 1311.150(c))."""

from typing import NoReturn

from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.models import Incident, IncidentStep, Step, user_stream
from audit.models.incidents import DECISIONS, NOTIFICATIONS
from audit.reasons import Reason
from epcs_portal.incidents import accounts
from foundation import notices
from foundation.actors import User
from foundation.refusals import NotPermitted, Overtaken


class NotADecider(NotPermitted):
    """The person does not manage access at the practice."""


class NotPossible(Overtaken):
    """The step is not possible now; the message says why."""


def take(
    step: Step, incident: Incident, *, by: User, words: str, seen: int
) -> IncidentStep:
    """Record a decision about an incident, or a report of it, with its reason.

    `seen` is the number of steps the person has read, so that nobody overrides a
    decision they have not seen.
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
    """Return the steps that can follow those taken."""
    taken = [Step(step.kind) for step in steps]
    decided = [step for step in taken if step in DECISIONS]
    if not decided:
        return DECISIONS
    if decided[-1] == Step.DISMISSED:
        return [Step.CONFIRMED]
    return [*(step for step in NOTIFICATIONS if step not in taken), Step.DISMISSED]


def mark_overdue() -> list[Incident]:
    """Mark incidents not decided or reported in time; notify their deciders once."""
    overdue = Incident.objects.overdue(timezone.now()).not_marked_overdue()
    return [incident for incident in overdue if _mark(incident)]


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


def _is_own(incident: Incident, *, by: User) -> bool:
    """Return True if another decider is less involved than this person.

    The actor is most involved, then the owner of the account.
    """
    others = [user for user in accounts.deciders_of(incident) if user.pk != by.pk]
    if incident.username == by.get_username():
        return bool(others)
    if incident.stream != user_stream(by):
        return False
    return any(user.get_username() != incident.username for user in others)


def _locked(incident: Incident) -> Incident:
    return Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)


def _add(
    incident: Incident, step: Step, *, username: str, words: str = ""
) -> IncidentStep:
    return IncidentStep.objects.create(
        incident=incident,
        number=incident.steps.count() + 1,
        kind=step,
        at=timezone.now(),
        username=username,
        words=words,
    )


def _refuse(incident: Incident, *, by: User) -> NoReturn:
    chain.denied(by=by, of=incident, reason=Reason.NOT_A_DESIGNEE_OF_THE_PRACTICE)
    raise NotADecider("Only designees of the access controls decide about incidents.")
