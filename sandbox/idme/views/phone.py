from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from sandbox.idme import approvals, codes, devices, visits
from sandbox.idme.forms import AnswerForm, DecisionForm, PhoneKeyForm
from sandbox.idme.models import (
    PUSH_TIME,
    Account,
    Approval,
    Decision,
    Device,
    PushRequest,
)

SAID = {
    Decision.APPROVED: "Approved. The portal goes on by itself.",
    Decision.DECLINED: "Declined. The portal is told.",
    Decision.NOT_ME: "Thank you for saying so. The portal is told that it wasn't you.",
}


def chooser(request):
    chosen = request.GET.get("account")
    if chosen:
        return redirect("phone", reference=account_named(chosen).reference)
    here = visits.account_of(request) or visits.pending_account(request)
    if here:
        return redirect("phone", reference=here.reference)
    return render(
        request, "idme/phone_chooser.html", {"accounts": Account.objects.all()}
    )


@never_cache
def phone(request, reference):
    owner = account_named(reference)
    form = PhoneKeyForm(request.POST or None)
    if form.is_valid():
        owner.phone_accounts.update_or_create(
            secret=form.secret, defaults={"name": form.label}
        )
        messages.success(request, f"{form.label} is on this phone now.")
        return redirect("phone", reference=owner.reference)
    return render(
        request,
        "idme/phone.html",
        feed_of(owner)
        | {
            "form": form,
            "accounts": Account.objects.all(),
            "codes": codes.on_phone(owner),
        },
    )


@never_cache
def feed(request, reference):
    return render(request, "idme/_feed.html", feed_of(account_named(reference)))


@never_cache
def codes_json(request, reference):
    return JsonResponse({"codes": codes.on_phone(account_named(reference))})


@require_POST
def answer(request, reference, push):
    asked = get_object_or_404(waiting_requests(account_named(reference)), pk=push)
    form = AnswerForm(request.POST)
    if form.is_valid():
        asked.answer = form.cleaned_data["answer"]
        asked.save(update_fields=["answer"])
    return redirect("phone", reference=reference)


@require_POST
def decide(request, reference, approval):
    """The answer to what the portal asks; a yes only with the portal's number."""
    owner = account_named(reference)
    asked = get_object_or_404(owner.approvals, pk=approval)
    form = DecisionForm(asked, request.POST)
    if not form.is_valid():
        messages.error(request, str(next(iter(form.errors.values()))[0]))
        return redirect("phone", reference=reference)
    decision = Decision(form.cleaned_data["decision"])
    try:
        if decision == Decision.APPROVED:
            approvals.approve(asked, number=form.cleaned_data["number"])
        else:
            approvals.decide(asked, decision)
    except (approvals.NotOpen, approvals.WrongNumber) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, SAID[decision])
    return redirect("phone", reference=reference)


def link(request, reference, token):
    """The link in a text message or an e-mail, opened on the phone."""
    owner = account_named(reference)
    device = get_object_or_404(Device, account=owner, link=token)
    is_open = owner.devices.being_set_up().filter(pk=device.pk).exists()
    if request.method == "POST" and is_open:
        devices.install(device)
        messages.success(request, f"{device.get_type_display()} is on this phone now.")
        return redirect("phone", reference=owner.reference)
    return render(
        request,
        "idme/phone_link.html",
        {"owner": owner, "device": device, "is_open": is_open},
    )


def feed_of(owner: Account) -> dict:
    return {
        "owner": owner,
        "messages_received": owner.messages.select_related("device")[:10],
        "requests": waiting_requests(owner),
        "approvals": waiting_approvals(owner),
    }


def waiting_requests(owner: Account) -> QuerySet[PushRequest]:
    return PushRequest.objects.filter(
        device__account=owner, answer="", sent_at__gt=timezone.now() - PUSH_TIME
    ).select_related("device")


def waiting_approvals(owner: Account) -> QuerySet[Approval]:
    return owner.approvals.waiting().select_related("device")


def account_named(reference: str) -> Account:
    """Find an account by its key or its subject."""
    wanted = Q(key=reference)
    if len(reference) == 36:
        wanted |= Q(subject__iexact=reference)
    found = Account.objects.filter(wanted).first()
    if found is None:
        raise Http404(f"No account {reference}")
    return found
