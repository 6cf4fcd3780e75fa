from datetime import UTC, datetime

import qrcode
import qrcode.image.svg
from django.contrib import messages
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404, redirect
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from foundation.pages import form_page
from mfa import devices, refusals
from mfa.enrollment import binding, code_generators
from mfa.forms import NewDeviceForm, NicknameForm, ProofForm, proof_page
from mfa.idme import link
from mfa.models import Device, Purpose


def rename(request, public_id):
    device = _listed_or_404(request, public_id)
    form = NicknameForm(request.POST or None, initial={"nickname": device.name})
    if form.is_valid():
        try:
            devices.rename(
                device, by=request.user, nickname=form.cleaned_data["nickname"]
            )
        except devices.DeviceChangeRefused as refusal:
            form.add_error("nickname", str(refusal))
        else:
            messages.success(request, "The nickname was changed.")
            return redirect("erx-info")
    return form_page(request, "mfa/rename.html", form, device=device)


@sensitive_post_parameters("password", "code")
def select_primary(request, public_id):
    device = _listed_or_404(request, public_id)
    if not device.may_sign:
        messages.error(
            request,
            f"{device.get_kind_display()} is not accepted for controlled substances.",
        )
        return redirect("erx-info")
    form = ProofForm(
        request.user,
        request.POST or None,
        purpose=Purpose.SELECT_PRIMARY,
        payload_digest=devices.selection_digest(device),
        session_key=request.session.session_key,
        devices=_only(device),
        message=f"Select “{device}” as the primary device",
    )
    if form.is_valid():
        try:
            devices.select_primary(
                device,
                by=request.user,
                challenge=form.challenge,
                session_key=request.session.session_key,
            )
        except (devices.DeviceChangeRefused, refusals.NotProven) as refusal:
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
def retire(request, public_id):
    device = _listed_or_404(request, public_id)
    usable = Device.objects.visible_to(request.user).usable()
    successors = usable.exclude(pk=device.pk) if device.is_primary else usable.none()
    form = ProofForm(
        request.user,
        request.POST or None,
        purpose=Purpose.RETIRE_DEVICE,
        payload_digest=devices.retirement_digest(device),
        session_key=request.session.session_key,
        devices=usable,
        message=f"Remove the device “{device}”",
    )
    if form.is_valid():
        try:
            devices.retire(
                device,
                by=request.user,
                challenge=form.challenge,
                session_key=request.session.session_key,
                new_primary=_named(successors, request.POST.get("new_primary")),
            )
        except (devices.DeviceChangeRefused, refusals.NotProven) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"“{device}” was removed.")
            return redirect("erx-info")
    return proof_page(
        request, "mfa/retire.html", form, device=device, successors=successors
    )


@never_cache
@sensitive_post_parameters("password", "code")
def add(request):
    return begin_page(
        request,
        begin=code_generators.begin,
        template="mfa/add.html",
        then="device-confirm",
    )


def begin_page(request, *, begin, template: str, then: str):
    """Start adding a device: fresh ID.me sign-in, and an existing device's word."""
    authenticated_at = _authenticated_at(request)
    form = None
    if binding.needs_proof(request.user):
        form = ProofForm(
            request.user,
            request.POST or None,
            purpose=Purpose.ADD_DEVICE,
            payload_digest=binding.addition_digest(request.user),
            session_key=request.session.session_key,
            devices=Device.objects.visible_to(request.user).usable(),
            message="Add a device to your account",
        )
    refusal = ""
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            begin(
                request.user,
                session_key=request.session.session_key,
                authenticated_at=authenticated_at,
                proof=form.challenge if form else None,
            )
        except (binding.EnrollmentRefused, refusals.NotProven) as error:
            refusal = str(error)
        else:
            return redirect(then)
    context = {"is_fresh": binding.is_fresh(authenticated_at), "refusal": refusal}
    return proof_page(request, template, form, refused=bool(refusal), **context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request):
    """Show the QR code of the device being added, and bind it on its first code."""
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
        except (binding.EnrollmentRefused, refusals.NotProven) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                "The device was added. The code you entered is used up: "
                "wait for the next one before you confirm anything with it.",
            )
            return redirect("erx-info")
    provisioning = code_generators.provisioning(device)
    return form_page(
        request,
        "mfa/confirm.html",
        form,
        provisioning=provisioning,
        qr_code=qr_code(provisioning.uri),
    )


def qr_code(uri: str) -> str:
    """Return a QR code as SVG for a page."""
    image = qrcode.make(uri, image_factory=qrcode.image.svg.SvgPathImage, border=4)
    svg = image.to_string(encoding="unicode")
    # Made here from our own URI; qrcode writes paths and no text.
    return mark_safe(svg[svg.index("<svg") :])  # noqa: S308


def _listed_or_404(request, public_id) -> Device:
    devices_of_user = Device.objects.visible_to(request.user).listed()
    return get_object_or_404(devices_of_user, public_id=public_id)


def _only(device: Device) -> QuerySet[Device]:
    return Device.objects.filter(pk=device.pk)


def _named(choices: QuerySet[Device], public_id: str | None) -> Device | None:
    return next(
        (device for device in choices if str(device.public_id) == public_id), None
    )


def _authenticated_at(request) -> datetime | None:
    seconds = request.session.get(link.AUTHENTICATED_AT)
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds else None
