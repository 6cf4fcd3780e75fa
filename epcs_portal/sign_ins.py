"""Every sign-in, refused sign-in and sign-out goes on record."""

from datetime import datetime

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from axes.signals import user_locked_out
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import (
    user_logged_in,
    user_logged_out,
    user_login_failed,
)
from django.db.models import Max
from django.dispatch import receiver
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome


@receiver(user_logged_in)
def record_sign_in(sender, request, user, **kwargs):
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


def locked_until(request) -> datetime:
    """Return when the account that was tried can be tried again from this address."""
    tried = AccessAttempt.objects.filter(
        username=request.POST.get("username", ""), ip_address=request.axes_ip_address
    )
    last = tried.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    return last + get_cool_off(request)


def _record_failure(act: Act, username: str | None) -> None:
    """Name the account if there is one; never what was typed, it may be a password."""
    user = get_user_model().objects.filter(username=username or "").first()
    chain.record(act, by=user, stream="sign-in", outcome=Outcome.FAILURE)
