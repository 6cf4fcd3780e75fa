from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from prescriptions import signer


@login_not_required
@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """Publish the keys with which anybody can verify a signed prescription."""
    return JsonResponse(signer.public_jwks())
