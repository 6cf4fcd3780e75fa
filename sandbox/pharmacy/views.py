import json
import time
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from sandbox.network import hang_up
from sandbox.pharmacy import inbox, outgoing
from sandbox.pharmacy.forms import ModeForm
from sandbox.pharmacy.models import Behaviour, Receipt

LARGEST = 256 * 1024  # bytes


def token_required(view):
    """Turn away whoever does not present the network's bearer token."""

    @wraps(view)
    def checked(request):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        known = settings.SCRIPT_NETWORK_TOKEN
        good = scheme.lower() == "bearer" and constant_time_compare(token, known)
        if not (known and good):
            refusal = HttpResponse("The bearer token is wrong.", status=401)
            refusal["WWW-Authenticate"] = "Bearer"
            return refusal
        return view(request)

    return checked


@csrf_exempt
@require_POST
@token_required
def script(request):
    if request.content_type not in ("application/xml", "text/xml"):
        return HttpResponse("Send application/xml.", status=415)
    content = body_of(request)
    if content is None:
        return HttpResponse("The message is too large.", status=413)
    behaviour = inbox.behaviour()
    if behaviour == Behaviour.HTTP_500:
        return HttpResponse("The pharmacy's system has failed.", status=500)
    if behaviour == Behaviour.HANG_UP:
        return hang_up(request)
    if behaviour == Behaviour.BUSY:
        return xml(inbox.busy(content))
    answer = inbox.receive(content, behaviour=behaviour)
    if behaviour == Behaviour.SLOW:
        time.sleep(settings.PHARMACY_SLOW_SECONDS)
    if behaviour == Behaviour.DOWN_AFTER_ACCEPT:
        return hang_up(request)
    return xml(answer)


@never_cache
@require_GET
def messages_received(request):
    return render(
        request,
        "pharmacy/inbox.html",
        {
            "received": Receipt.objects.filter(is_accepted=True),
            "refused": Receipt.objects.filter(is_accepted=False),
            "form": ModeForm(initial={"mode": inbox.behaviour()}),
            "behaviour": Behaviour(inbox.behaviour()),
        },
    )


@never_cache
@require_GET
def inbox_json(request):
    received = Receipt.objects.order_by("received_at", "pk")
    return JsonResponse({"messages": [entry_of(receipt) for receipt in received]})


@require_GET
def detail(request, message_id):
    receipt = get_object_or_404(Receipt, message_id=message_id)
    return render(
        request,
        "pharmacy/detail.html",
        {
            "receipt": receipt,
            "sayings": outgoing.sayings_about(receipt),
            "content": bytes(receipt.content).decode(errors="replace"),
            "answer": bytes(receipt.answer).decode(errors="replace"),
        },
    )


@require_POST
def say(request, message_id):
    """Send the portal what a pharmacy says about a message that came."""
    receipt = get_object_or_404(Receipt, message_id=message_id)
    saying = request.POST.get("saying", "")
    if saying not in outgoing.sayings_about(receipt):
        messages.error(request, "Choose one of the listed messages.")
        return redirect("message", message_id)
    sent = outgoing.say(receipt, saying)
    messages.success(request, f"{sent.kind} sent. The portal answered: {sent.answer}")
    return redirect("message", message_id)


@require_POST
def mode(request):
    form = ModeForm(request.POST)
    if form.is_valid():
        inbox.behave(form.cleaned_data["mode"])
        chosen = Behaviour(form.cleaned_data["mode"]).label
        messages.success(request, f"From now on: {chosen}.")
    else:
        messages.error(request, "Choose one of the listed modes.")
    return redirect("inbox")


@csrf_exempt
@require_POST
@token_required
def mode_json(request):
    try:
        form = ModeForm(json.loads(request.body))
    except ValueError:
        form = ModeForm({})
    if not form.is_valid():
        return JsonResponse({"error": "mode", "known": Behaviour.values}, status=400)
    inbox.behave(form.cleaned_data["mode"])
    return JsonResponse({"mode": form.cleaned_data["mode"]})


def body_of(request: HttpRequest) -> bytes | None:
    """Return the body, or None when it is larger than any prescription."""
    try:
        content = request.body
    except RequestDataTooBig:
        return None
    return content if len(content) <= LARGEST else None


def xml(content: bytes) -> HttpResponse:
    return HttpResponse(content, content_type="application/xml; charset=utf-8")


def entry_of(receipt: Receipt) -> dict:
    return {
        "message_id": receipt.message_id,
        "kind": receipt.kind,
        "relates_to": receipt.relates_to,
        "accepted": receipt.is_accepted,
        "refusal": receipt.refusal,
        "patient": receipt.patient,
        "drug": receipt.drug,
        "quantity": receipt.quantity,
        "prescriber": receipt.prescriber,
        "attempts": receipt.attempts,
        "received_at": receipt.received_at.isoformat(),
    }
