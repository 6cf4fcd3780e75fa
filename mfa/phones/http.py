"""HTTP for phones: JSON, no cookie, no session, few words to strangers."""

import json
from collections.abc import Callable
from functools import wraps
from typing import TypeAlias

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from mfa.phones.exchange import POLL_EVERY, Retired, TooSoon
from mfa.phones.messages import NotFromPhone
from mfa.push import answers

MAX_BYTES = 8_000  # a message of a phone has a few hundred
STRANGER = (
    "The portal does not accept this. The phone may not be paired any more, or the "
    "link has been used or is too old. Start again in the portal."
)


class TooLarge(Exception):
    """The message is longer than any that a phone sends."""


REFUSALS = (
    NotFromPhone,
    TooLarge,
    TooSoon,
    Retired,
    answers.WrongNumber,
    answers.NotOpen,
)
PhoneView: TypeAlias = Callable[[HttpRequest, dict], JsonResponse]


def for_phones(view: PhoneView) -> Callable[[HttpRequest], HttpResponseBase]:
    """Pass the JSON object that a phone sends to a view, and answer every refusal.

    There is no session to ride on, so there is nothing for a CSRF token to protect.
    """

    @login_not_required
    @csrf_exempt
    @never_cache
    @require_POST
    @wraps(view)
    def wrapped(request: HttpRequest) -> JsonResponse:
        try:
            return view(request, _message(request))
        except REFUSALS as refusal:
            return _refused(refusal)

    return wrapped


def text_response(text: str, *, status: int = 200) -> JsonResponse:
    """Return a text for the phone to show, as JSON."""
    return JsonResponse({"text": text}, status=status)


def _refused(refusal: Exception) -> JsonResponse:
    match refusal:
        case TooLarge():
            return text_response("The message is too long.", status=413)
        case TooSoon():
            response = text_response("Asked too often.", status=429)
            response.headers["Retry-After"] = str(POLL_EVERY)
            return response
        case answers.WrongNumber():
            return text_response(str(refusal), status=422)
        case Retired() | answers.NotOpen():
            return text_response(str(refusal), status=410)
        case _:
            return text_response(STRANGER, status=403)


def _message(request: HttpRequest) -> dict:
    if request.content_type != "application/json":
        raise NotFromPhone
    body = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise TooLarge
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise NotFromPhone from None
    if not isinstance(message, dict):
        raise NotFromPhone
    return message
