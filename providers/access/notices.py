"""Mail about changes of access, so that nobody's right changes behind their back."""

from foundation import notices
from providers import access_managers
from providers.models import AccessGrant, AccessRequest, Practice


def entered(request: AccessRequest) -> None:
    """Tell the other designees that something waits for a second person."""
    for person in access_managers.of(request.practice).exclude(
        pk=request.entered_by_id
    ):
        notices.send(
            person,
            subject="A change of access waits for a second person",
            template="providers/mail/entered.txt",
            change=str(request),
            practice=str(request.practice),
            entered_by=str(request.entered_by),
        )


def executed(request: AccessRequest) -> None:
    """Tell whom it is about, and the designees."""
    people = {request.person, *access_managers.of(request.practice)}
    for person in people:
        notices.send(
            person,
            subject="A change of access was executed",
            template="providers/mail/executed.txt",
            change=str(request),
            practice=str(request.practice),
            entered_by=str(request.entered_by),
            executed_by=str(request.closed_by),
        )


def suspended(grant: AccessGrant, *, practice: Practice, cause: str) -> None:
    """Tell the holder and the designees, on the day (21 CFR 1311.125(d))."""
    for person in {grant.provider.user, *access_managers.of(practice)}:
        notices.send(
            person,
            subject="A right to sign was suspended",
            template="providers/mail/suspended.txt",
            provider=str(grant.provider),
            practice=str(practice),
            cause=cause,
        )
