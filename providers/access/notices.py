"""Mail about changes of access, so that nobody's access changes unnoticed."""

from foundation import notices
from providers import access_managers
from providers.models import AccessGrant, AccessRequest, Practice


def requested(access_request: AccessRequest) -> None:
    """Tell the other access managers that a request waits for a second person."""
    managers = access_managers.of(access_request.practice)
    for person in managers.exclude(pk=access_request.entered_by_id):
        notices.send(
            person,
            subject="A change of access waits for a second person",
            template="providers/mail/entered.txt",
            change=str(access_request),
            practice=str(access_request.practice),
            entered_by=str(access_request.entered_by),
        )


def approved(access_request: AccessRequest) -> None:
    """Tell the person it is about and the access managers."""
    managers = access_managers.of(access_request.practice)
    for person in {access_request.person, *managers}:
        notices.send(
            person,
            subject="A change of access was executed",
            template="providers/mail/executed.txt",
            change=str(access_request),
            practice=str(access_request.practice),
            entered_by=str(access_request.entered_by),
            executed_by=str(access_request.closed_by),
        )


def suspended(grant: AccessGrant, *, practice: Practice, cause: str) -> None:
    """Tell the holder and the access managers, on the day (21 CFR 1311.125(d))."""
    for person in {grant.provider.user, *access_managers.of(practice)}:
        notices.send(
            person,
            subject="A right to sign was suspended",
            template="providers/mail/suspended.txt",
            provider=str(grant.provider),
            practice=str(practice),
            cause=cause,
        )
