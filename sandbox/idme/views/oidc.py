import hashlib
import time
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from sandbox.idme import (
    ciba,
    clients,
    grants,
    issued,
    keys,
    metadata,
    provider,
    switches,
    userinfo,
    visits,
)
from sandbox.idme.models import Endpoint


@switches.obeys(Endpoint.DISCOVERY)
@require_GET
def discovery(request):
    return JsonResponse(metadata.document())


@switches.obeys(Endpoint.DISCOVERY)
@require_GET
def jwks(request):
    return JsonResponse(keys.public_key_set())


@switches.obeys(Endpoint.AUTHORIZE)
@never_cache
@require_http_methods(["GET", "POST"])
def authorize(request):
    account = visits.account_of(request)
    try:
        grant = provider.server.get_consent_grant(request, end_user=account)
    except OAuth2Error as error:
        return _refusal(request, error)
    if account is None or _wants_sign_in(request):
        return _to_sign_in(request)
    if account.ial < 2 and _asks_for_verified_identity(grant):
        return _to("verify-identity", request)
    if request.method == "POST" and request.POST.get("decision") == "deny":
        return _answer(request, grant, account=None)
    if request.method == "POST":
        account.consents.get_or_create(client_id=settings.IDME_CLIENT_ID)
    consented = account.consents.filter(client_id=settings.IDME_CLIENT_ID).exists()
    if not consented or (grant.prompt == "consent" and request.method == "GET"):
        return render(request, "idme/consent.html")
    return _answer(request, grant, account=account)


@switches.obeys(Endpoint.TOKEN)
@csrf_exempt
@require_POST
@transaction.atomic
def token(request):
    return provider.server.create_token_response(request)


@switches.obeys(Endpoint.BACKCHANNEL)
@csrf_exempt
@require_POST
@transaction.atomic
def backchannel(request):
    return provider.server.create_endpoint_response(
        ciba.BackchannelEndpoint.ENDPOINT_NAME, request
    )


@switches.obeys(Endpoint.USERINFO)
@csrf_exempt
@require_http_methods(["GET", "POST"])
def user_info(request):
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    spent = scheme.lower() == "bearer" and issued.spend_access_token(presented)
    if not spent:
        refusal = JsonResponse({"error": "invalid_token"}, status=401)
        refusal["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        return refusal
    try:
        body = userinfo.sealed_for_client(spent.account)
    except keys.NoClientKey as problem:
        return JsonResponse(
            {"error": "server_error", "error_description": str(problem)}, status=500
        )
    return HttpResponse(body, content_type="application/jwt")


def _refusal(request, error):
    """Send the error to the client, or show it, with HTTP 200 as ID.me does."""
    if error.redirect_uri:
        return provider.server.handle_error_response(request, error)
    return render(
        request,
        "idme/refused.html",
        {"error": error.error, "description": error.get_error_description()},
    )


def _wants_sign_in(request: HttpRequest) -> bool:
    """Say whether this very request still asks for a sign-in of its own."""
    authenticated_at = request.session.get("authenticated_at", 0)
    began_at = request.session.get("authorize", {}).get(_digest(request))
    if began_at and authenticated_at >= began_at:
        return False
    max_age = request.GET.get("max_age", "")
    is_old = max_age.isdigit() and time.time() - authenticated_at >= int(max_age)
    return is_old or "login" in request.GET.get("prompt", "").split()


def _to_sign_in(request):
    """Remember when this request began, so that only a later sign-in satisfies it."""
    request.session["authorize"] = {_digest(request): time.time()}
    return _to("sign-up" if request.GET.get("op") == "signup" else "sign-in", request)


def _answer(request, grant, *, account):
    request.session.pop("authorize", None)
    if account:
        account.authenticated_at = int(request.session["authenticated_at"])
        account.amr, account.mfa_device = visits.proof_of(request)
        keys.fetch_client_keys()
    return provider.server.create_authorization_response(
        grant.request, grant_user=account, grant=grant
    )


def _asks_for_verified_identity(grant: grants.AuthorizationCodeGrant) -> bool:
    asked = grant.request.payload.scope.split()
    return not clients.IDENTITY_VERIFIED_SCOPES.isdisjoint(asked)


def _to(name: str, request: HttpRequest) -> HttpResponse:
    return redirect(f"{reverse(name)}?{urlencode({'next': request.get_full_path()})}")


def _digest(request: HttpRequest) -> str:
    return hashlib.sha256(request.META["QUERY_STRING"].encode()).hexdigest()
