"""Where ID.me cannot ask a phone: the person confirms in a window of ID.me's.

The page to be signed stays on the screen (21 CFR 1311.140(a)(4)) and waits, as it does
for a push.
"""

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from mfa.models import Challenge, Channel, session_digest
from mfa.oidc.client import client
from mfa.oidc.errors import IdmeError
from mfa.oidc.responses import SignIn
from mfa.push import answers, idme_answers
from mfa.refusals import NotProven

PURPOSE = "step_up"


@never_cache
@require_GET
def start(request, public_id) -> HttpResponse:
    """Send the window to ID.me for the open challenge of this session."""
    challenge = get_object_or_404(_own(request), public_id=public_id)
    try:
        if not answers.is_open(challenge):
            raise answers.NotOpen(answers.OVER)
        url = client().begin(request, purpose=PURPOSE, next_path=str(public_id))
    except NotProven as problem:
        return _window(request, problem=problem, status=400)
    except IdmeError as problem:
        return _window(request, problem=problem, status=problem.status)
    return HttpResponseRedirect(url)


def answer(request, sign_in: SignIn) -> HttpResponse:
    """Take the window's answer for the challenge it was opened for; close the window.

    The session keeps its key: the challenge is bound to it, and gains nothing else.
    """
    challenge = _own(request).filter(public_id=sign_in.next_path).first()
    try:
        if challenge is None:
            raise answers.NotOpen(answers.OVER)
        idme_answers.accept(challenge.push, sign_in.id_token)
    except NotProven as problem:
        return _window(request, problem=problem, status=400)
    challenge.refresh_from_db()
    return _window(request, challenge=challenge)


def _own(request):
    return Challenge.objects.filter(
        user=request.user,
        session_digest=session_digest(request.session.session_key),
        push__channel=Channel.STEP_UP,
    ).select_related("push", "device", "user")


def _window(request, *, status=200, **context) -> HttpResponse:
    return render(request, "mfa/idme/step_up.html", context, status=status)
