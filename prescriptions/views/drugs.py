from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from foundation.actors import AuthenticatedRequest
from prescriptions.drugs import field


@require_safe
def search(request: AuthenticatedRequest) -> HttpResponse:
    """List drugs while somebody types; no patient is part of this."""
    found = field.search_results(request.GET.get("q", ""), request.GET.get("drug"))
    return render(
        request, "prescriptions/_drug_hits.html", {"found": found, "is_typing": True}
    )
