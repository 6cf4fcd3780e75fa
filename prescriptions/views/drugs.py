from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from foundation.actors import AuthenticatedRequest
from prescriptions.drugs import field


@require_safe
def search(request: AuthenticatedRequest) -> HttpResponse:
    """List drugs as the user types; no patient is named in the request."""
    results = field.search_results(request.GET.get("q", ""), request.GET.get("drug"))
    return render(
        request, "prescriptions/_drug_hits.html", {"found": results, "is_typing": True}
    )
