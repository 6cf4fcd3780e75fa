"""The page of a form: 200 to fill it in, 422 when it was understood and not accepted."""

from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

REFUSED = 422
STOP_ASKING = 286  # htmx: the last answer to a page that asks again and again
LONGEST_PATH = 500  # characters


def form_page(request, template, form, *, refused=False, **context):
    refused = refused or bool(form and form.errors)
    return render(
        request,
        template,
        {"form": form, **context},
        status=REFUSED if refused else 200,
    )


def local_path(wanted: str) -> str:
    """Return a path of this site, or nothing."""
    is_local = (
        wanted.startswith("/")
        and len(wanted) <= LONGEST_PATH
        and wanted.isprintable()
        and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    )
    return wanted if is_local else ""
