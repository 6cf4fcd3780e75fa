from math import ceil

from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as otp_login

from audit import chain
from audit.acts import Act, Outcome
from epcs_portal import sign_ins
from mfa import challenges
from mfa.forms import ProofForm
from mfa.models import Device, Purpose
from prescriptions.models import Prescription, Status
from providers import readiness

REFUSED = 422  # a form that was understood and not accepted
LOCKED = 429
SHOWN = 10  # prescriptions of each kind on the home page


class SignIn(auth_views.LoginView):
    template_name = "registration/sign_in.html"
    redirect_authenticated_user = True

    def form_invalid(self, form):
        response = super().form_invalid(form)
        response.status_code = REFUSED
        return response


class ChangePassword(auth_views.PasswordChangeView):
    template_name = "registration/password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form):
        with transaction.atomic():
            response = super().form_valid(form)
            chain.record(Act.PASSWORD_CHANGED, by=self.request.user)
        messages.success(self.request, "Your password was changed.")
        return response

    def form_invalid(self, form):
        response = super().form_invalid(form)
        response.status_code = REFUSED
        return response


def sign_in_locked(request, credentials=None, *args, **kwargs):
    until = sign_ins.locked_until(request)
    seconds = max(1, (until - timezone.now()).total_seconds())
    context = {"until": until, "minutes": ceil(seconds / 60)}
    return render(request, "registration/locked.html", context, status=LOCKED)


def home(request):
    visible = Prescription.objects.visible_to(request.user).select_related(
        "patient", "drug", "prescriber"
    )
    provider = getattr(request.user, "provider", None)
    waiting = visible.filter(status__in=[Status.DRAFT, Status.READY])
    if provider:
        waiting = waiting.filter(prescriber=provider)
    return render(
        request,
        "epcs_portal/home.html",
        {
            "provider": provider,
            "waiting": waiting.order_by("-updated_at")[:SHOWN],
            "failed": visible.filter(status=Status.FAILED)[:SHOWN],
            "blockers": _blockers(provider, request.user),
        },
    )


@sensitive_post_parameters("password", "code")
def admin_verify(request):
    """Ask staff for both factors before the administration site opens."""
    if not (request.user.is_active and request.user.is_staff):
        _refuse_admin(request, "not_administrator")
        raise PermissionDenied("The administration site is for administrators.")
    devices = Device.objects.visible_to(request.user).code_generators()
    digest = challenges.digest_of("administer", user=str(request.user.pk))
    form = ProofForm(
        request.user,
        request.POST or None,
        purpose=Purpose.ADMINISTER,
        payload_digest=digest,
        session_key=request.session.session_key,
        devices=devices,
    )
    if form.is_valid():
        try:
            _open_admin(request, form.challenge, digest)
        except challenges.NotProven as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(_local(request.GET.get("next")) or "admin:index")
    if form.errors:
        _refuse_admin(request, "not_proven")
    return render(
        request,
        "epcs_portal/admin_verify.html",
        {"form": form, "has_device": devices.exists()},
        status=REFUSED if form.errors else 200,
    )


def bad_request(request, exception=None):
    return render(request, "400.html", status=400)


@login_not_required
def forbidden(request, exception=None):
    return render(request, "403.html", {"reason": str(exception or "")}, status=403)


def not_found(request, exception=None):
    return render(request, "404.html", status=404)


def server_error(request):
    return render(request, "500.html", status=500)


def csrf_failure(request, reason=""):
    return render(request, "403_csrf.html", status=403)


def _open_admin(request, challenge, digest: str) -> None:
    with transaction.atomic(durable=True):
        challenges.consume(
            challenge,
            user=request.user,
            purpose=Purpose.ADMINISTER,
            payload_digest=digest,
            session_key=request.session.session_key,
        )
        chain.record(Act.ADMIN_SIGNED_IN, by=request.user, of=challenge.device)
    request.session.cycle_key()
    otp_login(request, challenge.device)


def _refuse_admin(request, reason: str) -> None:
    chain.record(
        Act.ADMIN_SIGN_IN_FAILED,
        by=request.user,
        outcome=Outcome.FAILURE,
        reason=reason,
    )


def _local(path: str | None) -> str:
    is_local = url_has_allowed_host_and_scheme(path or "", allowed_hosts=None)
    return path if path and is_local else ""


def _blockers(provider, user) -> list[readiness.Blocker]:
    if provider is None:
        return []
    membership = user.memberships.filter(left_on=None).first()
    if membership is None:
        return [readiness.Blocker("You work at no practice.", "Ask an administrator.")]
    practice = membership.practice
    return readiness.blockers_for_now(provider, practice=practice, on=practice.today())
