"""The page of a form: 200 to fill it in, 422 when it was not accepted."""

from typing import Any

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

REFUSED = 422
STOP_ASKING = 286  # htmx: stop polling
LONGEST_PATH = 500  # characters


def form_page(
    request: HttpRequest,
    template: str,
    form: BaseForm | None,
    *,
    refused: bool = False,
    **context: Any,
) -> HttpResponse:
    """Return the page of a form; 422 if the form has errors or the act was refused."""
    refused = refused or bool(form and form.errors)
    return render(
        request,
        template,
        {"form": form, **context},
        status=REFUSED if refused else 200,
    )


def local_path(path: str) -> str:
    """Return the path if it is one of this site, else an empty string."""
    is_local = (
        path.startswith("/")
        and len(path) <= LONGEST_PATH
        and path.isprintable()
        and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    )
    return path if is_local else ""
