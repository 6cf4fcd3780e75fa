"""Record every sign-in, refused sign-in and sign-out."""

from datetime import datetime
from typing import Any

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
from django.http import HttpRequest
from django.utils import timezone

from audit import chain, context
from audit.acts import Act, Outcome
from audit.models import SIGN_INS
from audit.reasons import Reason
from epcs_portal.sign_in.sessions import SIGNED_IN_AT
from foundation.actors import User
from mfa import challenges
from mfa.models import Challenge, Intent, Purpose


@receiver(user_logged_in)
def record_sign_in(
    sender: type[User], request: HttpRequest, user: User, **kwargs: Any
) -> None:
    request.session[SIGNED_IN_AT] = int(timezone.now().timestamp())
    chain.record(Act.SIGN_IN_SUCCEEDED, by=user)


@receiver(user_logged_out)
def record_sign_out(
    sender: type[User], request: HttpRequest, user: User | None, **kwargs: Any
) -> None:
    if user is not None:
        chain.record(Act.SIGN_OUT_DONE, by=user)


@receiver(user_login_failed)
def record_failure(sender: str, credentials: dict[str, Any], **kwargs: Any) -> None:
    _record_failure(Act.SIGN_IN_FAILED, credentials.get("username"))


@receiver(user_locked_out)
def record_lock(sender: str, username: str | None = None, **kwargs: Any) -> None:
    _record_failure(Act.SIGN_IN_LOCKED, username)


class PerAccount(AxesDatabaseHandler):
    """Limit guesses per username and address, and per username from anywhere.

    NIST SP 800-63B 5.2.2. The limit from anywhere is wide enough that a stranger cannot
    easily lock somebody out, and narrow enough that nobody guesses a password.
    """

    FROM_ANYWHERE = 50  # within AXES_COOLOFF_TIME of each other

    def get_failures(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> int:
        username = get_client_username(request, credentials)
        attempts = AccessAttempt.objects.filter(
            username=username, attempt_time__gt=timezone.now() - get_cool_off(request)
        )
        anywhere = attempts.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
        if anywhere >= self.FROM_ANYWHERE:
            return anywhere
        return super().get_failures(request, credentials)


def client_address(request: HttpRequest) -> str:
    """Return the address in the record; never empty, which would not lock."""
    return context.current().address or "0.0.0.0"  # noqa: S104  no address is bound


def locked_until(request: HttpRequest) -> datetime:
    """Return when the account that the form names can be tried again."""
    attempts = AccessAttempt.objects.filter(username=request.POST.get("username", ""))
    from_here = attempts.filter(ip_address=client_address(request))
    if from_here.exists():
        attempts = from_here
    last = attempts.aggregate(last=Max("attempt_time"))
    return (last["last"] or timezone.now()) + get_cool_off(request)


def open_admin(
    user: User, *, challenge: Challenge, digest: str, session_key: str
) -> None:
    """Redeem both factors for a session of the administration site."""
    with transaction.atomic(durable=True):
        challenges.consume(
            challenge, Intent(user, Purpose.ADMINISTER, digest, session_key)
        )
        chain.record(Act.ADMIN_SIGNED_IN, by=user, of=challenge.device)


def refuse_admin(user: User, *, reason: Reason) -> None:
    chain.record(
        Act.ADMIN_SIGN_IN_FAILED, by=user, outcome=Outcome.FAILURE, reason=reason
    )


def _record_failure(act: Act, username: str | None) -> None:
    """Name the account if there is one, never the text typed: it may be a password."""
    user = get_user_model().objects.filter(username=username or "").first()
    by = user or AnonymousUser()
    chain.record(act, by=by, of=user, stream=SIGN_INS, outcome=Outcome.FAILURE)
