from http import HTTPStatus

from django.shortcuts import render


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
