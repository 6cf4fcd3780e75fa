"""The way to ID.me and back, and the refresh of the device list."""

from datetime import datetime

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from audit import chain
from audit.acts import Act, Outcome
from foundation.pages import local_path
from mfa import refusals
from mfa.forms import PasswordForm, ProofForm, proof_page
from mfa.idme import device_sync, link
from mfa.idme import sign_in as signing_in
from mfa.idme import unlink as unlinking
from mfa.models import Device, IdmeAccount, Purpose
from mfa.oidc import own_keys
from mfa.oidc.client import client
from mfa.oidc.errors import IdmeError, IdmeRefused
from mfa.oidc.responses import SignIn
from mfa.push import step_up

PURPOSES = ["link", "fresh", signing_in.PURPOSE]
NEED_FRESH = ["fresh", signing_in.PURPOSE]
PASSWORDS = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@never_cache
@require_GET
def start(request) -> HttpResponse:
    """Send the browser to ID.me: to link, to sign in there afresh, or to sign in here."""
    purpose = request.GET.get("purpose", "link")
    purpose = purpose if purpose in PURPOSES else "link"
    if not _suits(request.user, purpose):
        is_in = request.user.is_authenticated
        return redirect("home") if is_in else redirect_to_login(request.get_full_path())
    try:
        url = client().begin(
            request,
            purpose=purpose,
            next_path=local_path(request.GET.get("next", "")),
        )
    except IdmeError as error:
        return _refused(request, error)
    return HttpResponseRedirect(url)


@login_not_required
@never_cache
@require_GET
def callback(request) -> HttpResponse:
    """Take ID.me's answer: link, confirm or sign in, and take over the devices."""
    at = timezone.now()
    try:
        sign_in = client().finish(request)
        user = _user_of(request, sign_in)
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
        may_link = sign_in.purpose == "link"
        account, is_new = link.complete(user, sign_in=sign_in, may_link=may_link)
    except link.LinkRefused as refusal:
        return _refused(request, refusal)
    if sign_in.purpose == signing_in.PURPOSE:
        login(request, user, backend=PASSWORDS)
    else:
        request.session.cycle_key()
        messages.success(request, _welcome(sign_in, is_new=is_new))
    if sign_in.is_fresh and sign_in.auth_time is not None:
        request.session[link.AUTHENTICATED_AT] = int(sign_in.auth_time)
    _take_over_devices(request, account, sign_in, at=at)
    is_signing_in = sign_in.purpose == signing_in.PURPOSE
    return redirect(sign_in.next_path or ("home" if is_signing_in else "erx-info"))


@require_POST
def refresh_devices(request) -> HttpResponse:
    account = IdmeAccount.objects.linked_to(request.user)
    if account is None:
        messages.error(
            request, "Verify with ID.me first; then your devices are listed."
        )
        return redirect("erx-info")
    try:
        changes = device_sync.refresh(account, by=request.user)
    except device_sync.DeviceSyncUnavailable as failure:
        messages.error(request, str(failure))
    else:
        messages.success(request, f"The list of devices is up to date. {changes}")
    return redirect("erx-info")


@login_not_required
@require_GET
@cache_control(public=True, max_age=300)
def jwks(request) -> JsonResponse:
    """Publish the keys by which ID.me encrypts userinfo and recognizes this client."""
    return JsonResponse(own_keys.public_keys())


def _take_over_devices(
    request, account: IdmeAccount, sign_in: SignIn, *, at: datetime
) -> None:
    try:
        changes = device_sync.apply_userinfo(
            account, sign_in.userinfo, by=account.user, at=at
        )
    except device_sync.DeviceSyncUnavailable as failure:
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
    if not sign_in.is_fresh:
        said += (
            " ID.me did not say that you signed in just now, so it does not count as a "
            "fresh sign-in."
        )
    return said


def _suits(user, purpose: str) -> bool:
    """Say whether somebody signed in, or not signed in, has this purpose."""
    return user.is_authenticated != (purpose == signing_in.PURPOSE)


def _user_of(request, sign_in: SignIn):
    """Return whose sign-in it is; raise IdmeError when it is not what was begun."""
    if not _suits(request.user, sign_in.purpose):
        raise IdmeRefused("bad_state")
    if sign_in.purpose in NEED_FRESH and not sign_in.is_fresh:
        raise IdmeRefused("not_fresh")
    if sign_in.purpose == signing_in.PURPOSE:
        return signing_in.user_of(sign_in)
    return request.user


def _refused(request, error: IdmeError) -> HttpResponse:
    context = {"error": error}
    return render(request, "mfa/idme/refused.html", context, status=error.status)


@sensitive_post_parameters("password", "code")
def unlink(request):
    """Ask what has to be asked, then end the link to ID.me."""
    account = IdmeAccount.objects.linked_to(request.user)
    if account is None:
        messages.info(request, "No ID.me account is linked to your account.")
        return redirect("erx-info")
    form = _unlink_form(request, account)
    if form.is_valid():
        try:
            unlinking.unlink(
                account,
                by=request.user,
                session_key=request.session.session_key,
                proof=getattr(form, "challenge", None),
            )
        except (unlinking.NotLinked, refusals.NotProven) as refusal:
            form.add_error(None, str(refusal))
        else:
            request.session.pop(link.AUTHENTICATED_AT, None)
            messages.success(
                request,
                "The ID.me account was unlinked. Nothing can be signed until you "
                "verify with ID.me again.",
            )
            return redirect("erx-info")
    return proof_page(request, "mfa/idme/unlink.html", form, account=account)


def _unlink_form(request, account: IdmeAccount) -> ProofForm | PasswordForm:
    if not unlinking.needs_device(request.user):
        return PasswordForm(request.user, request.POST or None)
    return ProofForm(
        request.user,
        request.POST or None,
        purpose=Purpose.UNLINK,
        payload_digest=unlinking.digest(account),
        session_key=request.session.session_key,
        devices=Device.objects.visible_to(request.user).usable(),
        message="Unlink the ID.me account",
    )
