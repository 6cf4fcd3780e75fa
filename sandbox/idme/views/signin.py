from functools import wraps
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from sandbox.idme import devices, recovery, visits
from sandbox.idme.forms import (
    CodeForm,
    MethodForm,
    PretendDocumentsForm,
    RecoveryForm,
    SignInForm,
    SignUpForm,
)
from sandbox.idme.models import DeviceType, PushRequest


def after_step_one(view):
    """Send away whoever has not just given an e-mail and a password."""

    @wraps(view)
    def checked(request):
        account = visits.pending_account(request)
        return view(request, account) if account else redirect("sign-in")

    return checked


def sign_in(request):
    wanted = request.GET.get("next", "")
    form = SignInForm(
        request.POST or None, initial={"email": request.GET.get("login_hint")}
    )
    if not form.is_valid():
        return render(
            request,
            "idme/sign_in.html",
            {"form": form, "next": wanted, "purpose": request.GET.get("for")},
        )
    visits.begin(
        request,
        account=form.account,
        next_url=wanted,
        purpose=request.GET.get("for", ""),
    )
    if form.account.devices.usable().exists():
        return redirect("sign-in-method")
    return redirect("secure-account")


def sign_up(request):
    wanted = request.GET.get("next", "")
    form = SignUpForm(request.POST or None)
    if not form.is_valid():
        return render(request, "idme/sign_up.html", {"form": form, "next": wanted})
    visits.begin(request, account=form.create_account(), next_url=wanted, purpose="")
    return redirect("secure-account")


@after_step_one
def method(request, account):
    form = MethodForm(account, request.POST or None)
    if not form.is_valid():
        return render(
            request, "idme/method.html", {"form": form, "signing_in": account}
        )
    device = form.cleaned_data["device"]
    push = ""
    if device.type == DeviceType.PUSH:
        push = str(devices.ask(device, text="Are you signing in to ID.me?").pk)
    elif device.type != DeviceType.CODE_GENERATOR:
        devices.send_code(device)
    visits.choose(request, device=device, request_id=push)
    return redirect("sign-in-verify")


@after_step_one
def verify(request, account):
    chosen = visits.pending(request) or {}
    device = account.devices.usable().filter(pk=chosen.get("device")).first()
    if device is None:
        return redirect("sign-in-method")
    if device.type == DeviceType.PUSH:
        return _verify_push(request, device, chosen["push"])
    form = CodeForm(request.POST or None)
    if form.is_valid():
        if devices.accept_code(device, form.cleaned_data["code"]):
            return redirect(visits.complete(request, by=device))
        form.add_error("code", "This code is wrong or was used. Use the next one.")
    return render(
        request,
        "idme/verify_code.html",
        {"form": form, "device": device, "signing_in": account},
    )


@after_step_one
def recover(request, account):
    """Step 3 of 3 without any device: the recovery code, which is replaced."""
    form = RecoveryForm(request.POST or None)
    if form.is_valid():
        if code := recovery.use(account, form.cleaned_data["code"]):
            next_url = visits.complete(request, by=None)
            return redirect(visits.show_once(request, code, next_url=next_url))
        form.add_error("code", "This is not your recovery code, or it was used.")
    return render(request, "idme/recover.html", {"form": form, "signing_in": account})


@never_cache
def recovery_code(request):
    """Show a new recovery code, once."""
    shown = visits.take_recovery_code(request)
    if shown is None:
        return redirect("account")
    return render(request, "idme/recovery_code.html", shown)


def push_state(request, push):
    """Say what the phone answered; only to the browser that waits for it."""
    waiting = visits.pending(request)
    if not waiting or waiting.get("push") != str(push):
        return JsonResponse({"answer": ""}, status=404)
    asked = get_object_or_404(PushRequest, pk=push)
    return JsonResponse({"answer": asked.answer, "expired": asked.is_expired})


@require_POST
def sign_out(request):
    visits.end(request)
    return redirect("account")


def verify_identity(request):
    account = visits.account_of(request)
    if account is None:
        return redirect("sign-in")
    wanted = visits.safe_next(request, request.GET.get("next", ""))
    form = PretendDocumentsForm(request.POST or None)
    if form.is_valid():
        account.ial = 2
        account.save(update_fields=["ial"])
        messages.success(request, "Your identity is verified, for this demonstration.")
        return redirect(wanted)
    return render(request, "idme/verify_identity.html", {"form": form})


def to_sign_in(request: HttpRequest, *, purpose: str = "") -> HttpResponse:
    """Return the redirect to the sign-in that comes back to this page."""
    query = {"next": request.get_full_path()} | ({"for": purpose} if purpose else {})
    return redirect(f"{reverse('sign-in')}?{urlencode(query)}")


def _verify_push(request, device, push):
    asked = device.requests.filter(pk=push).first()
    if asked is None:
        return redirect("sign-in-method")
    approved = devices.was_approved(device, request_id=push)
    if request.method == "POST" and approved:
        return redirect(visits.complete(request, by=device))
    return render(
        request,
        "idme/verify_push.html",
        {
            "device": device,
            "asked": asked,
            "approved": approved,
            "signing_in": device.account,
        },
    )
