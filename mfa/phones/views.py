from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from foundation.actors import AuthenticatedRequest
from foundation.pages import form_page
from mfa.enrollment.binding import EnrollmentRefused
from mfa.phones import exchange, pairing
from mfa.phones.forms import PairedPhoneForm
from mfa.phones.http import for_phones, text_response
from mfa.phones.messages import NotFromPhone, public_key, verified
from mfa.refusals import NotProven
from mfa.views import enrollment_page, qr_code


@never_cache
@sensitive_post_parameters("password", "code")
def add(request: AuthenticatedRequest) -> HttpResponse:
    return enrollment_page(
        request,
        new_device=pairing.new_device,
        template="mfa/phones/add.html",
        next_page="phone-pair",
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pair(request: AuthenticatedRequest) -> HttpResponse:
    """Show the QR code until a phone has scanned it, then ask for the phone's number."""
    session_key = request.session.session_key
    device = pairing.pending(request.user, session_key=session_key)
    if device is None:
        messages.error(request, "This pairing has ended. Start again.")
        return redirect("phone-add")
    if not device.public_key:
        address = pairing.address(device)
        context = {"address": address, "qr_code": qr_code(address)}
        return render(request, "mfa/phones/scan.html", context)
    form = PairedPhoneForm(request.POST or None)
    if form.is_valid():
        try:
            pairing.confirm(
                device, by=request.user, session_key=session_key, **form.cleaned_data
            )
        except (EnrollmentRefused, NotProven) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, "The phone was added. It can be asked from now on."
            )
            return redirect("erx-info")
    return form_page(request, "mfa/phones/compare.html", form)


@never_cache
@require_safe
def pairing_state(request: AuthenticatedRequest) -> JsonResponse:
    """Return the state of the pairing as JSON: waiting, scanned or ended."""
    session_key = request.session.session_key
    device = pairing.pending(request.user, session_key=session_key)
    if device is None:
        return JsonResponse({"state": "ended"})
    return JsonResponse({"state": "scanned" if device.public_key else "waiting"})


@login_not_required
@never_cache
@require_safe
def phone(request: HttpRequest) -> HttpResponse:
    return render(request, "mfa/phones/phone.html")


@for_phones
def claim(request: HttpRequest, message: dict) -> JsonResponse:
    """Register the key of a phone that scanned the code."""
    key = public_key(message.get("jwk"))
    claims = verified(message.get("jws"), key, path=request.path)
    device = pairing.claim(claims.get("token"), key=key)
    if device is None:
        raise NotFromPhone
    return JsonResponse({"device": str(device.public_id)}, status=201)


@for_phones
def challenges(request: HttpRequest, message: dict) -> JsonResponse:
    device, _ = exchange.sender(message.get("jws"), path=request.path)
    return JsonResponse(exchange.waiting(device))


@for_phones
def answer(request: HttpRequest, message: dict) -> JsonResponse:
    device, claims = exchange.sender(message.get("jws"), path=request.path)
    return text_response(exchange.answer(device, claims))
