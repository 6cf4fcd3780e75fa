"""What a page asks about a push that it waits for; each only for its own session."""

from django.contrib import messages
from django.http import HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from foundation.pages import local_path
from mfa.models import Challenge, ChallengeState, session_digest
from mfa.push import answers, pushes
from mfa.refusals import NotProven


@require_POST
def state(request, public_id):
    """Say whether the phone has answered: open, passed or ended."""
    challenge = pushes.check(_own_or_404(request, public_id))
    if answers.is_open(challenge):
        return JsonResponse({"state": "open"})
    is_passed = challenge.state == ChallengeState.PASSED
    return JsonResponse({"state": "passed" if is_passed else "ended"})


@require_POST
def again(request, public_id):
    challenge = _own_or_404(request, public_id)
    try:
        pushes.resend(challenge)
    except NotProven as refusal:
        messages.error(request, str(refusal))
    return _back(request)


@require_POST
def cancel(request, public_id):
    pushes.cancel(_own_or_404(request, public_id))
    return _back(request)


def _own_or_404(request, public_id) -> Challenge:
    """Return a push that this very session asked for."""
    own = Challenge.objects.filter(
        user=request.user,
        session_digest=session_digest(request.session.session_key),
        push__isnull=False,
    ).select_related("push", "device", "user")
    return get_object_or_404(own, public_id=public_id)


def _back(request) -> HttpResponseRedirect:
    return HttpResponseRedirect(local_path(request.POST.get("next", "")) or "/")
