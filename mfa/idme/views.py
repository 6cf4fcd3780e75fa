"""Sign-in at ID.me and back, the refresh of the device list, and unlinking."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias, cast

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from audit import chain
from audit.acts import Act, Outcome
from audit.reasons import Reason
from foundation.actors import AuthenticatedRequest, Visitor
from foundation.pages import local_path
from mfa import devices
from mfa.forms import PasswordForm, ProofForm, passes, proof_form, proof_page
from mfa.idme import device_sync, link, portal_sign_in, unlink
from mfa.models import Device, IdmeAccount, Purpose
from mfa.oidc import own_keys
from mfa.oidc.client import client
from mfa.oidc.errors import IdmeError, IdmeRefused
from mfa.oidc.responses import SignIn, SignInPurpose
from mfa.push import step_up
from mfa.refusals import NotProven

Answer: TypeAlias = Callable[[HttpRequest, SignIn, datetime], HttpResponse]

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@never_cache
@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Redirect to ID.me: to link, to sign in there again, or to sign in here."""
    purpose = _asked_for(request)
    if not _suits(request.user, purpose):
        if request.user.is_authenticated:
            return redirect("home")
        return redirect_to_login(request.get_full_path())
    next_path = local_path(request.GET.get("next", ""))
    try:
        url = client().begin(request, purpose=purpose, next_path=next_path)
    except IdmeError as error:
        return _refused(request, error)
    return HttpResponseRedirect(url)


@login_not_required
@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Handle ID.me's answer: link, update or sign in, then apply the device list."""
    at = timezone.now()
    try:
        sign_in = client().finish(request)
        if not _suits(request.user, sign_in.purpose):
            raise IdmeRefused(Reason.BAD_STATE)
        return ANSWERS[sign_in.purpose](request, sign_in, at)
    except link.LinkRefused as refusal:
        return _refused(request, refusal)
    except IdmeError as error:
        _record_failure(request.user, error)
        return _refused(request, error)


@require_POST
def refresh_devices(request: AuthenticatedRequest) -> HttpResponse:
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
def jwks(request: HttpRequest) -> JsonResponse:
    """Publish the keys by which ID.me encrypts userinfo and recognizes this client."""
    return JsonResponse(own_keys.public_keys())


@sensitive_post_parameters("password", "code")
def unlink_account(request: AuthenticatedRequest) -> HttpResponse:
    """Ask for a device, or the password where there is none, then unlink ID.me."""
    account = IdmeAccount.objects.linked_to(request.user)
    if account is None:
        messages.info(request, "No ID.me account is linked to your account.")
        return redirect("erx-info")
    form = _unlink_form(request, account)
    if passes(form):
        try:
            unlink.unlink(
                account,
                by=request.user,
                session_key=request.session.session_key,
                proof=getattr(form, "challenge", None),
            )
        except (unlink.NotLinked, NotProven) as refusal:
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


def _asked_for(request: HttpRequest) -> SignInPurpose:
    """Return the purpose in the address; a step-up begins at its challenge only."""
    asked = request.GET.get("purpose", "")
    begun_here = [
        purpose for purpose in SignInPurpose if purpose != SignInPurpose.STEP_UP
    ]
    return SignInPurpose(asked) if asked in begun_here else SignInPurpose.LINK


def _suits(user: Visitor, purpose: SignInPurpose) -> bool:
    """Return True if the purpose is for people signed in here, or not, as this user."""
    return user.is_authenticated != (purpose == SignInPurpose.SIGN_IN)


def _link(request: HttpRequest, sign_in: SignIn, at: datetime) -> HttpResponse:
    """Link the account to the user, or update the link."""
    user = cast(AuthenticatedRequest, request).user
    account, is_new = link.complete(user, sign_in=sign_in, may_link=True)
    _renew_session(request, sign_in, is_new=is_new)
    return _finish(request, account, sign_in, at=at, page="erx-info")


def _sign_in_again(request: HttpRequest, sign_in: SignIn, at: datetime) -> HttpResponse:
    """Note that the user has signed in just now with the account already linked."""
    _require_fresh(sign_in)
    user = cast(AuthenticatedRequest, request).user
    account, is_new = link.complete(user, sign_in=sign_in, may_link=False)
    _renew_session(request, sign_in, is_new=is_new)
    return _finish(request, account, sign_in, at=at, page="erx-info")


def _sign_in_here(request: HttpRequest, sign_in: SignIn, at: datetime) -> HttpResponse:
    """Sign in to the portal the user to whom the account is linked."""
    _require_fresh(sign_in)
    user = portal_sign_in.linked_user(sign_in)
    account, _ = link.complete(user, sign_in=sign_in, may_link=False)
    login(request, user, backend=MODEL_BACKEND)
    return _finish(request, account, sign_in, at=at, page="home")


def _step_up(request: HttpRequest, sign_in: SignIn, at: datetime) -> HttpResponse:
    """Answer the challenge that waits in another window."""
    return step_up.answer(cast(AuthenticatedRequest, request), sign_in)


ANSWERS: dict[SignInPurpose, Answer] = {
    SignInPurpose.LINK: _link,
    SignInPurpose.FRESH: _sign_in_again,
    SignInPurpose.SIGN_IN: _sign_in_here,
    SignInPurpose.STEP_UP: _step_up,
}


def _require_fresh(sign_in: SignIn) -> None:
    if not sign_in.is_fresh:
        raise IdmeRefused(Reason.NOT_FRESH)


def _record_failure(user: Visitor, error: IdmeError) -> None:
    chain.record(
        Act.IDME_SIGN_IN_FAILED, by=user, outcome=Outcome.FAILURE, reason=error.reason
    )


def _refused(request: HttpRequest, error: IdmeError) -> HttpResponse:
    context = {"error": error}
    return render(request, "mfa/idme/refused.html", context, status=error.status)


def _renew_session(request: HttpRequest, sign_in: SignIn, *, is_new: bool) -> None:
    """Give the session that is open a new key."""
    request.session.cycle_key()
    messages.success(request, _welcome(sign_in, is_new=is_new))


def _finish(
    request: HttpRequest,
    account: IdmeAccount,
    sign_in: SignIn,
    *,
    at: datetime,
    page: str,
) -> HttpResponse:
    """Note a fresh sign-in, apply the device list and redirect."""
    if sign_in.is_fresh and sign_in.auth_time is not None:
        request.session[link.AUTHENTICATED_AT] = int(sign_in.auth_time)
    _apply_device_list(request, account, sign_in, at=at)
    return redirect(sign_in.next_path or page)


def _welcome(sign_in: SignIn, *, is_new: bool) -> str:
    text = (
        "Your ID.me account is linked."
        if is_new
        else "You signed in with your linked ID.me account."
    )
    if sign_in.is_fresh:
        return text
    return (
        f"{text} ID.me did not say that you signed in just now, so it does not count "
        "as a fresh sign-in."
    )


def _apply_device_list(
    request: HttpRequest, account: IdmeAccount, sign_in: SignIn, *, at: datetime
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


def _unlink_form(
    request: AuthenticatedRequest, account: IdmeAccount
) -> ProofForm | PasswordForm:
    if not devices.has_usable(request.user):
        return PasswordForm(request.user, request.POST or None)
    return proof_form(
        request,
        purpose=Purpose.UNLINK,
        digest=unlink.digest(account),
        devices=Device.objects.visible_to(request.user).usable(),
        message="Unlink the ID.me account",
    )
