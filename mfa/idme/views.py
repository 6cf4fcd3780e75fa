"""The way to ID.me and back, and the refresh of the device list."""

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_POST

from audit import chain
from audit.acts import Act, Outcome
from mfa.idme import feed, linking, own_keys, step_up
from mfa.idme.answers import SignIn
from mfa.idme.client import client
from mfa.idme.errors import IdmeError, IdmeRefused
from mfa.models import IdmeAccount

PURPOSES = ["link", "fresh"]
MAX_NEXT = 500  # characters
AUTHENTICATED_AT = "idme_authenticated_at"


@never_cache
@require_GET
def start(request) -> HttpResponse:
    """Send the browser to ID.me, to link the account or to sign in there afresh."""
    purpose = request.GET.get("purpose", "link")
    try:
        url = client().begin(
            request,
            purpose=purpose if purpose in PURPOSES else "link",
            next_path=_local_path(request.GET.get("next", "")),
        )
    except IdmeError as error:
        return _refused(request, error)
    return HttpResponseRedirect(url)


@never_cache
@require_GET
def callback(request) -> HttpResponse:
    """Take ID.me's answer: link or confirm the account, and take over its devices."""
    at = timezone.now()
    try:
        sign_in = client().finish(request)
        if sign_in.purpose == "fresh" and not sign_in.is_fresh:
            raise IdmeRefused("not_fresh")
    except IdmeError as error:
        chain.record(
            Act.IDME_SIGN_IN_FAILED,
            by=request.user,
            outcome=Outcome.FAILURE,
            reason=error.reason,
        )
        return _refused(request, error)
    if sign_in.purpose == step_up.PURPOSE:
        return step_up.answer(request, sign_in)
    try:
        account, is_new = linking.complete(request.user, sign_in=sign_in)
    except linking.LinkRefused as refusal:
        return _refused(request, refusal)
    request.session.cycle_key()
    if sign_in.is_fresh and sign_in.auth_time is not None:
        request.session[AUTHENTICATED_AT] = int(sign_in.auth_time)
    messages.success(request, _welcome(sign_in, is_new=is_new))
    _take_over_devices(request, account, sign_in, at=at)
    return redirect(sign_in.next_path or "erx-info")


@require_POST
def refresh_devices(request) -> HttpResponse:
    account = IdmeAccount.objects.linked().filter(user=request.user).first()
    if account is None:
        messages.error(
            request, "Verify with ID.me first; then your devices are listed."
        )
        return redirect("erx-info")
    try:
        changes = feed.refresh(account, by=request.user)
    except feed.FeedUnavailable as failure:
        messages.error(request, str(failure))
    else:
        messages.success(request, f"The list of devices is up to date. {changes}")
    return redirect("erx-info")


@login_not_required
@require_GET
@cache_control(public=True, max_age=300)
def jwks(request) -> JsonResponse:
    """Publish the keys by which ID.me encrypts userinfo and recognises this client."""
    return JsonResponse(own_keys.public_keys())


def _take_over_devices(
    request, account: IdmeAccount, sign_in: SignIn, *, at: datetime
) -> None:
    try:
        changes = feed.take_over(account, sign_in.userinfo, by=request.user, at=at)
    except feed.FeedUnavailable as failure:
        messages.error(request, str(failure))
    else:
        if changes:
            messages.success(request, str(changes))


def _welcome(sign_in: SignIn, *, is_new: bool) -> str:
    said = (
        "Your ID.me account is linked."
        if is_new
        else "You signed in with your linked ID.me account."
    )
    if sign_in.auth_time is None:
        said += (
            " ID.me did not say when you signed in, so it does not count as a fresh "
            "sign-in."
        )
    return said


def _local_path(wanted: str) -> str:
    """Return a path of this site, or nothing."""
    is_local = (
        wanted.startswith("/")
        and len(wanted) <= MAX_NEXT
        and wanted.isprintable()
        and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    )
    return wanted if is_local else ""


def _refused(request, error: IdmeError) -> HttpResponse:
    context = {"error": error}
    return render(request, "mfa/idme/refused.html", context, status=error.status)
