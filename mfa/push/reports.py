"""Reports of an owner about their account, and their immediate consequences."""

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from audit import incidents
from audit.models import IncidentKind
from foundation import notices
from foundation.actors import User
from mfa import challenges
from mfa.models import Device
from mfa.signals import compromised


def not_me(user: User, *, device: Device) -> None:
    """Act on "It wasn't me", in the transaction of the report.

    Whoever asked for the push knew the password: every challenge and session ends, and
    the owner and the administrators are notified (21 CFR 1311.150(c)).
    """
    challenges.void_all(user)
    end_sessions(user)
    incidents.report(IncidentKind.NOT_ME, about=user, of=device)
    compromised.send(sender=Device, user=user, device=device)
    for person in {user, *_administrators()}:
        notices.send(
            person,
            subject="Somebody may know a password of the portal",
            template="mfa/mail/not_me.txt",
            account=user.get_username(),
            device=str(device),
        )


def end_sessions(user: User) -> None:
    """Sign a user out everywhere; a session names its user only inside, so read all."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()


def _administrators() -> QuerySet[User]:
    users = get_user_model().objects.filter(is_active=True, is_staff=True)
    return users.exclude(email="")
