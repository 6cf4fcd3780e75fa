"""Every sign-in, refused sign-in and sign-out goes on record."""

from datetime import datetime

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username, get_cool_off
from axes.models import AccessAttempt
from axes.signals import user_locked_out
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import (
    user_logged_in,
    user_logged_out,
    user_login_failed,
)
from django.db import transaction
from django.db.models import Max, Sum
from django.dispatch import receiver
from django.utils import timezone

from audit import chain, context
from audit.acts import Act, Outcome
from audit.models import SIGN_INS
from epcs_portal.sign_in.sessions import SIGNED_IN_AT
from mfa import challenges
from mfa.models import Purpose


@receiver(user_logged_in)
def record_sign_in(sender, request, user, **kwargs):
    request.session[SIGNED_IN_AT] = int(timezone.now().timestamp())
    chain.record(Act.SIGN_IN_SUCCEEDED, by=user)


@receiver(user_logged_out)
def record_sign_out(sender, request, user, **kwargs):
    if user is not None:
        chain.record(Act.SIGN_OUT_DONE, by=user)


@receiver(user_login_failed)
def record_failure(sender, credentials, request=None, **kwargs):
    _record_failure(Act.SIGN_IN_FAILED, credentials.get("username"))


@receiver(user_locked_out)
def record_lock(sender, request, username=None, **kwargs):
    _record_failure(Act.SIGN_IN_LOCKED, username)


class PerAccount(AxesDatabaseHandler):
    """Limit guesses per user name and address, and per user name from anywhere.

    NIST SP 800-63B 5.2.2. The limit from anywhere is wide, so that a stranger cannot
    easily keep somebody out, and so narrow that a password is not guessed.
    """

    FROM_ANYWHERE = 50  # within AXES_COOLOFF_TIME of each other

    def get_failures(self, request, credentials=None) -> int:
        username = get_client_username(request, credentials)
        tried = AccessAttempt.objects.filter(
            username=username, attempt_time__gt=timezone.now() - get_cool_off(request)
        )
        anywhere = tried.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
        if anywhere >= self.FROM_ANYWHERE:
            return anywhere
        return super().get_failures(request, credentials)


def client_address(request) -> str:
    """Return the address that the record names; never nothing, which would not lock."""
    return context.current().address or "0.0.0.0"  # noqa: S104  no address is bound


def locked_until(request) -> datetime:
    """Return when the account that was tried can be tried again."""
    tried = AccessAttempt.objects.filter(username=request.POST.get("username", ""))
    here = tried.filter(ip_address=request.axes_ip_address)
    last = (here if here.exists() else tried).aggregate(last=Max("attempt_time"))
    return (last["last"] or timezone.now()) + get_cool_off(request)


def open_admin(user, *, challenge, digest: str, session_key: str) -> None:
    """Redeem both factors for a session of the administration site."""
    with transaction.atomic(durable=True):
        challenges.consume(
            challenge,
            user=user,
            purpose=Purpose.ADMINISTER,
            payload_digest=digest,
            session_key=session_key,
        )
        chain.record(Act.ADMIN_SIGNED_IN, by=user, of=challenge.device)


def refuse_admin(user, *, reason: str) -> None:
    chain.record(
        Act.ADMIN_SIGN_IN_FAILED, by=user, outcome=Outcome.FAILURE, reason=reason
    )


def _record_failure(act: Act, username: str | None) -> None:
    """Name the account if there is one; never what was typed, it may be a password."""
    user = get_user_model().objects.filter(username=username or "").first()
    by = user or AnonymousUser()
    chain.record(act, by=by, of=user, stream=SIGN_INS, outcome=Outcome.FAILURE)
