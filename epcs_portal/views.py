from math import ceil
from typing import Any

from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as otp_login

from audit import chain
from audit.acts import Act
from audit.reasons import Reason
from epcs_portal.forms import NewPasswordForm, SignInForm
from epcs_portal.home import home_of
from epcs_portal.reader import reader_of
from epcs_portal.sign_in import events
from foundation.actors import AuthenticatedRequest
from foundation.pages import REFUSED, local_path
from mfa import challenges
from mfa.forms import ProofForm, passes, proof_form, proof_page
from mfa.models import Device, Purpose

LOCKED = 429


class SignIn(auth_views.LoginView):
    authentication_form = SignInForm
    template_name = "registration/sign_in.html"
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = REFUSED
        return response


class ChangePassword(auth_views.PasswordChangeView):
    template_name = "registration/password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("home")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            chain.record(Act.PASSWORD_CHANGED, by=self.request.user)
        messages.success(self.request, "Your password was changed.")
        return response

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = REFUSED
        return response


def sign_in_locked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    until = events.locked_until(request)
    seconds = max(1, (until - timezone.now()).total_seconds())
    context = {"until": until, "minutes": ceil(seconds / 60)}
    return render(request, "registration/locked.html", context, status=LOCKED)


def home(request: AuthenticatedRequest) -> HttpResponse:
    page = home_of(reader_of(request))
    return render(request, "epcs_portal/home.html", {"page": page})


@sensitive_post_parameters("password", "code")
def admin_verify(request: AuthenticatedRequest) -> HttpResponse:
    """Ask staff for both factors before the administration site opens."""
    if not (request.user.is_active and request.user.is_staff):
        events.refuse_admin(request.user, reason=Reason.NOT_ADMINISTRATOR)
        raise PermissionDenied("The administration site is for administrators.")
    devices = Device.objects.visible_to(request.user).usable()
    digest = challenges.digest_of("administer", user=str(request.user.pk))
    form = proof_form(
        request,
        purpose=Purpose.ADMINISTER,
        digest=digest,
        devices=devices,
        message="Enter the administration site",
    )
    if passes(form) and _open_admin(request, form, digest=digest):
        wanted = local_path(request.GET.get("next", ""))
        return HttpResponseRedirect(wanted or reverse("admin:index"))
    if form.errors:
        events.refuse_admin(request.user, reason=Reason.NOT_PROVEN)
    return proof_page(
        request, "epcs_portal/admin_verify.html", form, has_device=devices.exists()
    )


def _open_admin(request: AuthenticatedRequest, form: ProofForm, *, digest: str) -> bool:
    """Redeem the form's challenge; add an error to the form if it is refused."""
    try:
        events.open_admin(
            request.user,
            challenge=form.challenge,
            digest=digest,
            session_key=request.session.session_key,
        )
    except challenges.NotProven as refusal:
        form.add_error(None, str(refusal))
        return False
    request.session.cycle_key()
    otp_login(request, form.challenge.device)
    return True


def bad_request(
    request: HttpRequest, exception: Exception | None = None
) -> HttpResponse:
    return render(request, "400.html", status=400)


@login_not_required
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", {"reason": str(exception or "")}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)
