"""The page of a form: 200 to fill it in, 422 when it was understood and not accepted."""

from django.shortcuts import render

REFUSED = 422


def form_page(request, template, form, *, refused=False, **context):
    refused = refused or bool(form and form.errors)
    return render(
        request,
        template,
        {"form": form, **context},
        status=REFUSED if refused else 200,
    )
