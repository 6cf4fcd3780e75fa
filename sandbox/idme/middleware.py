from django.conf import settings

from sandbox.settings import origin_of


def remember_way_back(get_response):
    """Keep `?return_to=` while the visit lasts, if it leads to the portal."""

    def middleware(request):
        wanted = request.GET.get("return_to", "")
        if wanted and origin_of(wanted) == settings.PORTAL_ORIGIN:
            request.session["return_to"] = wanted
        return get_response(request)

    return middleware
