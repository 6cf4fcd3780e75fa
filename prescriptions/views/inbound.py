"""Where the pharmacy network posts the messages of pharmacies."""

from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from audit import chain, context
from audit.acts import Act, Outcome
from audit.models import Event
from audit.reasons import Words
from prescriptions.delivery import inbound
from prescriptions.network_settings import script_settings

STRANGER = Words("The bearer token is missing or wrong")
XML = {"application/xml", "text/xml"}


@csrf_exempt
@login_not_required
@never_cache
@require_POST
def script(request: HttpRequest) -> HttpResponse:
    if not _has_token(request):
        _record_stranger()
        refusal = HttpResponse("The bearer token is wrong.", status=401)
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    if request.content_type not in XML:
        return HttpResponse("Send application/xml.", status=415)
    body = _body(request)
    if body is None:
        return HttpResponse("The message is too large.", status=413)
    answer = inbound.receive(body)
    return HttpResponse(answer, content_type="application/xml; charset=utf-8")


def _record_stranger() -> None:
    """Record a caller without a token, at most once an hour for each address."""
    recent = Event.objects.filter(
        act=Act.MESSAGE_REFUSED,
        at__gt=timezone.now() - timedelta(hours=1),
        address=context.current().address,
        detail__reason=STRANGER,
    )
    if not recent.exists():
        chain.record(
            Act.MESSAGE_REFUSED, by=None, outcome=Outcome.FAILURE, reason=STRANGER
        )


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = script_settings().inbound_token
    same = constant_time_compare(token, known)
    return bool(known) and scheme.lower() == "bearer" and same


def _body(request: HttpRequest) -> bytes | None:
    """Return the body, or None when it is larger than any message."""
    try:
        body = request.body
    except RequestDataTooBig:
        return None
    return body if len(body) <= inbound.LARGEST else None
