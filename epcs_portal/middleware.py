from collections.abc import Callable, Iterator
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from django.contrib import auth
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from epcs_portal.sign_in import sessions
from foundation.pages import local_path
from foundation.refusals import Refused

NextHandler = Callable[[HttpRequest], HttpResponseBase]

NUL = "\0"  # PostgreSQL stores none, so no text that has one is accepted


def sessions_that_end(get_response: NextHandler) -> NextHandler:
    """End a session after a time without activity, and after a day's work.

    A part that refreshes itself (htmx) is no activity. When the session has ended, its
    page is told to reload instead of getting the sign-in page as a part.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        is_htmx = request.headers.get("HX-Request") == "true"
        if request.user.is_authenticated:
            if sessions.seconds_for_good(request) < 0:
                auth.logout(request)
            elif not is_htmx:
                sessions.renew(request)
        response = get_response(request)
        if is_htmx and not request.user.is_authenticated:
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return response

    return middleware


def readable_text(get_response: NextHandler) -> NextHandler:
    """Answer 400 to text that no database can store, whatever page it is for.

    Forms are read as UTF-8, as pages send them, whatever encoding a sender declares.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        request.encoding = "utf-8"
        if any(NUL in text for text in _texts(request)):
            raise BadRequest("Text with a NUL character is not accepted.")
        return get_response(request)

    return middleware


def _texts(request: HttpRequest) -> Iterator[str]:
    """Yield all text of a request; cookies can hide a character behind a backslash."""
    yield unquote(request.META.get("QUERY_STRING", ""))
    yield request.path
    yield request.headers.get("User-Agent", "")
    yield from request.COOKIES.values()
    for _, values in request.POST.lists():
        yield from map(str, values)


class AnsweredRefusals:
    """Answer an act that was refused, and that no page shows, with its status."""

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        """Return the page of a refusal, or the part of one that htmx asked for."""
        if not isinstance(exception, Refused):
            return None
        is_htmx = request.headers.get("HX-Request") == "true"
        return render(
            request,
            "_refused.html" if is_htmx else "refused.html",
            {
                "message": str(exception),
                "is_permitted": exception.status != HTTPStatus.FORBIDDEN,
                "back_url": _page_before(request),
            },
            status=exception.status,
        )


def _page_before(request: HttpRequest) -> str:
    """Return the path of the page of this site that led here, or an empty string."""
    try:
        before = urlsplit(request.headers.get("Referer", ""))
    except ValueError:  # no address at all
        return ""
    return local_path(before.path) if before.netloc == request.get_host() else ""


def private_pages(get_response: NextHandler) -> NextHandler:
    """Keep pages of a signed-in person out of every cache, including the browser's."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


def explained_methods(get_response: NextHandler) -> NextHandler:
    """Explain an address that only takes a form and was opened as a page.

    People get there by signing in again after their session ended during an act.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.method != "GET" or (
            response.status_code != HTTPStatus.METHOD_NOT_ALLOWED
        ):
            return response
        explanation = render(request, "405.html", status=response.status_code)
        explanation.headers["Allow"] = response.headers.get("Allow", "POST")
        return explanation

    return middleware
