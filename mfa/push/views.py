"""Views for a page that waits for a push: its state, resend, cancel.

Each finds only pushes that this very session asked for.
"""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from foundation.actors import AuthenticatedRequest
from foundation.pages import local_path
from mfa.models import Challenge, ChallengeState
from mfa.push import answers, pushes
from mfa.refusals import NotProven


@require_POST
def state(request: AuthenticatedRequest, public_id: UUID) -> JsonResponse:
    """Return the state of a push as JSON: open, passed or ended."""
    challenge = pushes.check(_push_or_404(request, public_id))
    if answers.is_open(challenge):
        return JsonResponse({"state": "open"})
    is_passed = challenge.state == ChallengeState.PASSED
    return JsonResponse({"state": "passed" if is_passed else "ended"})


@require_POST
def resend(request: AuthenticatedRequest, public_id: UUID) -> HttpResponseRedirect:
    challenge = _push_or_404(request, public_id)
    try:
        pushes.resend(challenge)
    except NotProven as refusal:
        messages.error(request, str(refusal))
    return _back(request)


@require_POST
def cancel(request: AuthenticatedRequest, public_id: UUID) -> HttpResponseRedirect:
    pushes.cancel(_push_or_404(request, public_id))
    return _back(request)


def _push_or_404(request: AuthenticatedRequest, public_id: UUID) -> Challenge:
    of_session = Challenge.objects.of_session(
        request.user, session_key=request.session.session_key
    )
    pushes_of_session = of_session.filter(push__isnull=False)
    return get_object_or_404(
        pushes_of_session.select_related("push", "device", "user"),
        public_id=public_id,
    )


def _back(request: AuthenticatedRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(local_path(request.POST.get("next", "")) or "/")
