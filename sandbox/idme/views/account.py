import io
from functools import wraps

import qrcode
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.safestring import mark_safe
from qrcode.image.svg import SvgPathImage

from sandbox.idme import devices, issued, recovery, visits
from sandbox.idme.forms import (
    ChannelForm,
    LinkChannelForm,
    NameForm,
    NewDeviceForm,
    TextNumberForm,
)
from sandbox.idme.models import Channel, Device, DeviceType
from sandbox.idme.views.signin import to_sign_in

CHANNEL_FORMS = {
    DeviceType.CODE_GENERATOR: ChannelForm,
    DeviceType.PUSH: LinkChannelForm,
    DeviceType.TEXT: TextNumberForm,
}


def security_required(view):
    """Ask for the three-step sign-in before anything of Sign In & Security."""

    @wraps(view)
    def checked(request, **kwargs):
        if not visits.may_change_security(request):
            return to_sign_in(request, purpose=visits.SECURITY)
        return view(request, visits.account_of(request), **kwargs)

    return checked


def may_set_up(view):
    """Let in whoever passed the three steps, or has no method yet at all."""

    @wraps(view)
    def checked(request, **kwargs):
        account = visits.account_being_secured(request)
        if account is None:
            return to_sign_in(request, purpose=visits.SECURITY)
        return view(request, account, **kwargs)

    return checked


def home(request):
    return render(request, "idme/home.html")


@security_required
def security(request, account):
    return render(
        request,
        "idme/security.html",
        {"devices": account.devices.usable(), "apps": account.consents.all()},
    )


@security_required
def remove_app(request, account):
    """Take back what the portal was allowed; it has to ask again."""
    consent = get_object_or_404(account.consents, client_id=settings.IDME_CLIENT_ID)
    if request.method == "POST":
        issued.take_back(account, client_id=consent.client_id)
        messages.success(request, "EPCS Portal no longer has access to your account.")
        return redirect("security")
    return render(request, "idme/remove_app.html")


@security_required
def remove(request, account, device):
    removed = get_object_or_404(account.devices.usable(), pk=device)
    if request.method == "POST":
        try:
            devices.remove(removed)
        except devices.NotAllowed as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"{removed.name} was removed.")
        return redirect("security")
    return render(request, "idme/remove.html", {"device": removed})


@may_set_up
def secure_account(request, account):
    return render(request, "idme/secure_account.html", {"signing_in": account})


@may_set_up
def set_up(request, account, kind):
    form = CHANNEL_FORMS[DeviceType(kind)](request.POST or None)
    if form.is_valid():
        device = devices.begin(
            account,
            kind=kind,
            channel=form.cleaned_data.get("channel", Channel.TEXT),
            address=form.cleaned_data.get("phone_number", ""),
        )
        return redirect("set-up-finish", device=device.pk)
    return render(
        request,
        "idme/set_up.html",
        {"form": form, "kind": DeviceType(kind), "signing_in": account},
    )


@may_set_up
def finish(request, account, device):
    device = account.devices.being_set_up().filter(pk=device).first()
    if device is None:
        messages.error(request, "That took longer than 15 minutes. Start again.")
        return redirect("secure-account")
    is_push = device.type == DeviceType.PUSH
    form = (NameForm if is_push else NewDeviceForm)(
        request.POST if request.method == "POST" else None
    )
    if form.is_valid() and _is_proven(device, form):
        is_first = not account.devices.usable().exists()
        devices.confirm(device, name=form.cleaned_data["name"].strip())
        messages.success(request, f"{device.name} is set up.")
        next_url = resolve_url(_after_set_up(request, device))
        if is_first:
            code = recovery.make(account)
            next_url = visits.show_once(request, code, next_url=next_url)
        return redirect(next_url)
    context = {"form": form, "device": device, "signing_in": account}
    if device.channel == Channel.QR:
        context["uri"] = devices.provisioning_uri(device)
        context["qr"] = _svg(context["uri"])
        context["groups"] = _in_fours(device.secret)
    return render(request, "idme/finish.html", context)


def _is_proven(device: Device, form: forms.Form) -> bool:
    if device.type == DeviceType.PUSH:
        proven = devices.was_approved(device)
        field, problem = None, "Answer Yes on your phone first, then continue."
    else:
        proven = devices.accept_code(device, form.cleaned_data["code"])
        field, problem = "code", "This code is wrong or was used. Use the next one."
    if not proven:
        form.add_error(field, problem)
    return proven


def _after_set_up(request: HttpRequest, device: Device) -> str:
    if not visits.pending(request) or visits.may_change_security(request):
        return "security"
    return visits.complete(request, by=device, extra_security=True)


def _svg(uri: str) -> str:
    out = io.BytesIO()
    image = qrcode.make(uri, image_factory=SvgPathImage, box_size=12, border=4)
    image.save(out)
    markup = out.getvalue().decode()
    return mark_safe(markup[markup.index("<svg") :])  # noqa: S308  our own drawing


def _in_fours(secret: str) -> str:
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
