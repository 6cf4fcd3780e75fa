"""Step-up where ID.me cannot push: the person confirms in a window of ID.me.

The page to sign stays on the screen (21 CFR 1311.140(a)(4)) and waits, as it does for
a push.
"""

from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from foundation.actors import AuthenticatedRequest
from mfa.models import Challenge, ChallengeQuerySet, Channel
from mfa.oidc.client import client
from mfa.oidc.errors import IdmeError
from mfa.oidc.responses import SignIn, SignInPurpose
from mfa.push import answers, idme_answers
from mfa.refusals import NotProven


@never_cache
@require_GET
def start(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Redirect the window to ID.me for the open challenge of this session."""
    challenge = get_object_or_404(_of_session(request), public_id=public_id)
    try:
        if not answers.is_open(challenge):
            raise answers.NotOpen(answers.ENDED)
        url = client().begin(
            request, purpose=SignInPurpose.STEP_UP, next_path=str(public_id)
        )
    except NotProven as refusal:
        return _window(request, problem=refusal, status=400)
    except IdmeError as failure:
        return _window(request, problem=failure, status=failure.status)
    return HttpResponseRedirect(url)


def answer(request: AuthenticatedRequest, sign_in: SignIn) -> HttpResponse:
    """Apply the window's answer to the challenge it was opened for; close the window.

    The session keeps its key, which the challenge is bound to, and gains nothing.
    """
    challenge = _of_session(request).filter(public_id=sign_in.next_path).first()
    try:
        if challenge is None:
            raise answers.NotOpen(answers.ENDED)
        idme_answers.accept(challenge.push, sign_in.id_token)
    except NotProven as refusal:
        return _window(request, problem=refusal, status=400)
    challenge.refresh_from_db()
    return _window(request, challenge=challenge)


def _of_session(request: AuthenticatedRequest) -> ChallengeQuerySet:
    return (
        Challenge.objects.of_session(
            request.user, session_key=request.session.session_key
        )
        .filter(push__channel=Channel.STEP_UP)
        .select_related("push", "device", "user")
    )


def _window(
    request: AuthenticatedRequest, *, status: int = 200, **context: object
) -> HttpResponse:
    return render(request, "mfa/idme/step_up.html", context, status=status)
