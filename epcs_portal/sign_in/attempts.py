"""Record attempted unauthorized access (21 CFR 1311.150(a)(1)).

A page of another practice answers as if it did not exist; only this record shows that
somebody asked for it.
"""

import uuid
from http import HTTPStatus

from django.apps import apps
from django.db import models
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from audit import chain, context
from audit.acts import Outcome
from audit.models import Event, user_stream
from audit.reasons import Reason
from epcs_portal.incidents import accounts
from epcs_portal.middleware import NextHandler
from foundation.actors import User
from providers.models import Practice

APPS = ["audit", "mfa", "providers", "prescriptions"]
NEWEST = 20  # events of a user; one request does not record more


def recorded(get_response: NextHandler) -> NextHandler:
    """Record, once per request, that a signed-in person was refused."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.user.is_authenticated:
            _record_refusal(request, request.user, status=response.status_code)
        return response

    return middleware


def _record_refusal(request: HttpRequest, user: User, *, status: int) -> None:
    if status == HTTPStatus.FORBIDDEN and not _is_recorded(user):
        chain.denied(by=user, of=None, reason=Reason.FORBIDDEN)
    elif status == HTTPStatus.NOT_FOUND:
        row = _row_in_address(request)
        if row and _is_foreign(row, user) and not _is_recorded(user):
            chain.denied(by=user, of=row, reason=Reason.NOT_VISIBLE)


def _is_recorded(user: User) -> bool:
    """Return True if the act itself recorded its refusal."""
    newest = Event.objects.filter(stream=user_stream(user)).order_by("-sequence")
    recorded = newest.values_list("request_id", "outcome")[:NEWEST]
    return (context.current().request_id, Outcome.FAILURE) in list(recorded)


def _row_in_address(request: HttpRequest) -> models.Model | None:
    """Return the row that the address names, whoever owns it."""
    match = request.resolver_match
    for value in match.kwargs.values() if match else ():
        if isinstance(value, uuid.UUID):
            return _row(value)
    return None


def _row(public_id: uuid.UUID) -> models.Model | None:
    for app in APPS:
        for model in apps.get_app_config(app).get_models():
            if hasattr(model, "public_id"):
                rows = model._default_manager.filter(public_id=public_id)
                if row := rows.first():
                    return row
    return None


def _is_foreign(row: models.Model, user: User) -> bool:
    streams = [
        user_stream(user),
        *map(accounts.stream_of_practice, Practice.objects.visible_to(user)),
    ]
    owner = accounts.owner_of(row)
    return bool(owner) and owner not in streams
