from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import qrcode
import qrcode.image.svg
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from foundation.actors import AuthenticatedRequest, User
from foundation.pages import form_page
from mfa import devices, factor
from mfa.devices import DeviceChangeRefused
from mfa.enrollment import binding, code_generators
from mfa.enrollment.binding import EnrollmentRefused
from mfa.forms import (
    NewDeviceForm,
    NicknameForm,
    ProofForm,
    passes,
    proof_form,
    proof_page,
)
from mfa.idme import link
from mfa.models import Device, Purpose, Source
from mfa.refusals import NotProven


def rename(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    device = _listed_or_404(request, public_id)
    form = NicknameForm(request.POST or None, initial={"nickname": device.name})
    if form.is_valid():
        nickname = form.cleaned_data["nickname"]
        try:
            devices.rename(device, by=request.user, nickname=nickname)
        except DeviceChangeRefused as refusal:
            form.add_error("nickname", str(refusal))
        else:
            messages.success(request, "The nickname was changed.")
            return redirect("erx-info")
    return form_page(request, "mfa/rename.html", form, device=device)


@sensitive_post_parameters("password", "code")
def select_primary(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    device = _listed_or_404(request, public_id)
    if not device.may_sign:
        kind = device.get_kind_display()
        messages.error(request, f"{kind} is not accepted for controlled substances.")
        return redirect("erx-info")
    form = _selection_form(request, device)
    if passes(form):
        try:
            devices.select_primary(
                device,
                by=request.user,
                challenge=form.challenge,
                session_key=request.session.session_key,
            )
        except (DeviceChangeRefused, NotProven) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                f"“{device}” is your primary device now. It signs from its next code "
                "or push on.",
            )
            return redirect("erx-info")
    return proof_page(request, "mfa/select_primary.html", form, device=device)


@sensitive_post_parameters("password", "code")
def retire(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    device = _listed_or_404(request, public_id)
    form = _retirement_form(request, device)
    successors = _successors(device)
    if passes(form):
        try:
            devices.retire(
                device,
                by=request.user,
                challenge=form.challenge,
                session_key=request.session.session_key,
                new_primary=_with_id(request.POST.get("new_primary"), successors),
            )
        except (DeviceChangeRefused, NotProven) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"“{device}” was removed.")
            return redirect("erx-info")
    context = {
        "device": device,
        "successors": successors,
        "removal": _removal_template(device),
    }
    return proof_page(request, "mfa/retire.html", form, **context)


@never_cache
@sensitive_post_parameters("password", "code")
def add(request: AuthenticatedRequest) -> HttpResponse:
    return enrollment_page(
        request,
        new_device=code_generators.new_device,
        template="mfa/add.html",
        next_page="device-confirm",
    )


def enrollment_page(
    request: AuthenticatedRequest,
    *,
    new_device: Callable[[User], Device],
    template: str,
    next_page: str,
) -> HttpResponse:
    """Begin adding a device, after a fresh ID.me sign-in and with a usable device."""
    authenticated_at = _authenticated_at(request)
    form = _addition_form(request) if devices.has_usable(request.user) else None
    refusal = ""
    if request.method == "POST" and (form is None or passes(form)):
        try:
            binding.begin(
                new_device(request.user),
                session_key=request.session.session_key,
                authenticated_at=authenticated_at,
                proof=form.challenge if form else None,
            )
        except (EnrollmentRefused, NotProven) as error:
            refusal = str(error)
        else:
            return redirect(next_page)
    context = {"is_fresh": binding.is_fresh(authenticated_at), "refusal": refusal}
    return proof_page(request, template, form, refused=bool(refusal), **context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: AuthenticatedRequest) -> HttpResponse:
    """Show the QR code of the device being added, and bind it by its first code."""
    session_key = request.session.session_key
    device = code_generators.pending(request.user, session_key=session_key)
    if device is None:
        messages.error(request, "The time to add this device is over. Start again.")
        return redirect("device-add")
    form = NewDeviceForm(request.POST or None)
    if form.is_valid():
        try:
            code_generators.confirm(
                device, by=request.user, session_key=session_key, **form.cleaned_data
            )
        except (EnrollmentRefused, NotProven) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                "The device was added. The code you entered is used up: "
                "wait for the next one before you confirm anything with it.",
            )
            return redirect("erx-info")
    return _qr_code_page(request, form, device)


def qr_code(uri: str) -> str:
    """Return a QR code as SVG for a page."""
    image = qrcode.make(uri, image_factory=qrcode.image.svg.SvgPathImage, border=4)
    svg = image.to_string(encoding="unicode")
    # Created here from our own URI; qrcode writes paths and no text.
    return mark_safe(svg[svg.index("<svg") :])  # noqa: S308


def _listed_or_404(request: AuthenticatedRequest, public_id: UUID) -> Device:
    listed = Device.objects.visible_to(request.user).listed()
    return get_object_or_404(listed, public_id=public_id)


def _removal_template(device: Device) -> str:
    """Return the template that says what follows; empty for a device of ID.me."""
    return "" if device.source == Source.IDME else factor.of(device).removal


def _selection_form(request: AuthenticatedRequest, device: Device) -> ProofForm:
    return proof_form(
        request,
        purpose=Purpose.SELECT_PRIMARY,
        digest=devices.selection_digest(device),
        devices=Device.objects.filter(pk=device.pk),
        message=f"Select “{device}” as the primary device",
    )


def _retirement_form(request: AuthenticatedRequest, device: Device) -> ProofForm:
    return proof_form(
        request,
        purpose=Purpose.RETIRE_DEVICE,
        digest=devices.retirement_digest(device),
        devices=Device.objects.visible_to(request.user).usable(),
        message=f"Remove the device “{device}”",
    )


def _addition_form(request: AuthenticatedRequest) -> ProofForm:
    return proof_form(
        request,
        purpose=Purpose.ADD_DEVICE,
        digest=binding.addition_digest(request.user),
        devices=Device.objects.visible_to(request.user).usable(),
        message="Add a device to your account",
    )


def _successors(device: Device) -> QuerySet[Device]:
    """Return the devices that can replace a primary device; none for any other."""
    usable = Device.objects.visible_to(device.user).usable()
    return usable.exclude(pk=device.pk) if device.is_primary else usable.none()


def _with_id(public_id: str | None, choices: QuerySet[Device]) -> Device | None:
    return next(
        (device for device in choices if str(device.public_id) == public_id), None
    )


def _qr_code_page(
    request: AuthenticatedRequest, form: NewDeviceForm, device: Device
) -> HttpResponse:
    provisioning = code_generators.provisioning(device)
    context: dict[str, Any] = {
        "provisioning": provisioning,
        "qr_code": qr_code(provisioning.uri),
    }
    return form_page(request, "mfa/confirm.html", form, **context)


def _authenticated_at(request: AuthenticatedRequest) -> datetime | None:
    seconds = request.session.get(link.AUTHENTICATED_AT)
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds else None
