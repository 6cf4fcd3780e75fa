"""How the portal answers a phone: JSON, no cookie, no session, little said to strangers."""

import json
from functools import wraps

from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from mfa.phones.exchange import POLL_EVERY, Retired, TooSoon
from mfa.phones.messages import NotFromPhone
from mfa.push import answers

LARGEST = 8_000  # bytes; a message of a phone has a few hundred
STRANGER = (
    "The portal does not accept this. The phone may not be paired any more, or the "
    "link has been used or is too old. Start again in the portal."
)


class TooLarge(Exception):
    """Nothing that a phone sends is as long as this."""


def for_phones(view):
    """Let a view have the JSON object that a phone sends, and word every refusal.

    There is no session to ride on, so there is nothing for a CSRF token to protect.
    """

    @login_not_required
    @csrf_exempt
    @never_cache
    @require_POST
    @wraps(view)
    def answered(request):
        try:
            return view(request, _message(request))
        except NotFromPhone:
            return said(STRANGER, status=403)
        except TooLarge:
            return said("The message is too long.", status=413)
        except TooSoon:
            response = said("Asked too often.", status=429)
            response.headers["Retry-After"] = str(POLL_EVERY)
            return response
        except answers.WrongNumber as refusal:
            return said(str(refusal), status=422)
        except (Retired, answers.NotOpen) as refusal:
            return said(str(refusal), status=410)

    return answered


def said(text: str, *, status: int = 200) -> JsonResponse:
    return JsonResponse({"text": text}, status=status)


def _message(request) -> dict:
    if request.content_type != "application/json":
        raise NotFromPhone
    body = request.read(LARGEST + 1)
    if len(body) > LARGEST:
        raise TooLarge
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise NotFromPhone from None
    if not isinstance(message, dict):
        raise NotFromPhone
    return message
