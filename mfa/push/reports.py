"""What an owner reports about their account, and what follows at once."""

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.utils import timezone

from audit import incidents
from audit.models import IncidentKind
from foundation import notices
from mfa import challenges
from mfa.models import Device
from mfa.signals import compromised


def not_me(user, *, device: Device) -> None:
    """Act on "It wasn't me", in the transaction of the report.

    Whoever asked for the push knew the password. Nothing that was proven stays good,
    every session ends, owner and administrators are told (21 CFR 1311.150(c)).
    """
    challenges.void_of(user)
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


def end_sessions(user) -> None:
    """Sign a user out everywhere; sessions do not say whose they are, so ask each."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()


def _administrators() -> list:
    users = get_user_model().objects.filter(is_active=True, is_staff=True)
    return list(users.exclude(email=""))
