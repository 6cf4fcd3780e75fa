"""Attempted unauthorized access goes on record (21 CFR 1311.150(a)(1)).

A page that is not somebody's own answers as if it were not there; that somebody asked
for it is known here alone.
"""

import uuid
from http import HTTPStatus

from django.apps import apps
from django.db import models

from audit import chain, context
from audit.acts import Outcome
from audit.models import Event, user_stream
from epcs_portal.incidents import accounts
from providers.models import Practice

OURS = ["audit", "mfa", "providers", "prescriptions"]
LAST = 20  # events of somebody that can be of one request


def recorded(get_response):
    """Record once for a request that a signed-in person was refused."""

    def middleware(request):
        response = get_response(request)
        if request.user.is_authenticated:
            _note(request, response.status_code)
        return response

    return middleware


def _note(request, status: int) -> None:
    if status == HTTPStatus.FORBIDDEN and not _is_recorded(request.user):
        _record(request.user, of=None, reason="forbidden")
    elif status == HTTPStatus.NOT_FOUND:
        row = _named_by(request)
        if row and _is_foreign(row, request.user) and not _is_recorded(request.user):
            _record(request.user, of=row, reason="not_visible")


def _record(user, *, of: models.Model | None, reason: str) -> None:
    chain.denied(by=user, of=of, reason=reason)


def _is_recorded(user) -> bool:
    """Say whether the act itself has told of its refusal."""
    newest = Event.objects.filter(stream=user_stream(user)).order_by("-sequence")
    told = newest.values_list("request_id", "outcome")[:LAST]
    return (context.current().request_id, Outcome.FAILURE) in list(told)


def _named_by(request) -> models.Model | None:
    """Return the row that the address names, whosever it is."""
    match = request.resolver_match
    for value in match.kwargs.values() if match else ():
        if isinstance(value, uuid.UUID):
            return _row(value)
    return None


def _row(public_id: uuid.UUID) -> models.Model | None:
    for app in OURS:
        for model in apps.get_app_config(app).get_models():
            if hasattr(model, "public_id"):
                rows = model._default_manager.filter(public_id=public_id)
                if row := rows.first():
                    return row
    return None


def _is_foreign(row: models.Model, user) -> bool:
    own = [
        user_stream(user),
        *map(accounts.stream_of_practice, Practice.objects.visible_to(user)),
    ]
    owner = accounts.owner_of(row)
    return bool(owner) and owner not in own
