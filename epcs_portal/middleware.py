from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import unquote

from django.contrib import auth
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import render

from epcs_portal.sign_in import sessions

NUL = "\0"  # PostgreSQL stores none, so no text with one is taken


def sessions_that_end(get_response):
    """End a session after some time without a person, and after a day's work.

    What a page asks by itself (htmx) keeps nobody signed in. When the session has ended,
    such a page is told to load anew instead of getting the sign-in page as a part.
    """

    def middleware(request):
        is_htmx = request.headers.get("HX-Request") == "true"
        if request.user.is_authenticated:
            if sessions.seconds_for_good(request) < 0:
                auth.logout(request)
            elif not is_htmx:
                request.session.modified = True
        response = get_response(request)
        if is_htmx and not request.user.is_authenticated:
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return response

    return middleware


def readable_text(get_response):
    """Answer text that no database keeps with a 400, wherever it was going.

    Forms are UTF-8, as pages send them, whatever a sender declares them to be.
    """

    def middleware(request):
        request.encoding = "utf-8"
        if any(NUL in text for text in _texts(request)):
            raise BadRequest("Text with a NUL character is not accepted.")
        return get_response(request)

    return middleware


def _texts(request) -> Iterator[str]:
    """Yield all text of a request; cookies can hide a character behind a backslash."""
    yield unquote(request.META.get("QUERY_STRING", ""))
    yield request.path
    yield request.headers.get("User-Agent", "")
    yield from request.COOKIES.values()
    for _, values in request.POST.lists():
        yield from values


def private_pages(get_response):
    """Keep pages of a signed-in person out of every cache, the browser's too."""

    def middleware(request):
        response = get_response(request)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


def explained_methods(get_response):
    """Explain an address that takes a button and was opened as a page.

    Whoever signs in again after their session ended in the middle of an act lands there.
    """

    def middleware(request):
        response = get_response(request)
        if request.method == "GET" and (
            response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        ):
            allowed = response.headers.get("Allow", "POST")
            response = render(request, "405.html", status=response.status_code)
            response.headers["Allow"] = allowed
        return response

    return middleware
