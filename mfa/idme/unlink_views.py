from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters

from foundation.pages import proof_page
from mfa import challenges
from mfa.forms import PasswordForm, ProofForm
from mfa.idme import link
from mfa.idme import unlink as unlinking
from mfa.models import Device, IdmeAccount, Purpose


@sensitive_post_parameters("password", "code")
def unlink(request):
    """Ask what has to be asked, then end the link to ID.me."""
    account = IdmeAccount.objects.linked_to(request.user)
    if account is None:
        messages.info(request, "No ID.me account is linked to your account.")
        return redirect("erx-info")
    form = _form(request, account)
    if form.is_valid():
        try:
            unlinking.unlink(
                account,
                by=request.user,
                session_key=request.session.session_key,
                proof=getattr(form, "challenge", None),
            )
        except (unlinking.NotLinked, challenges.NotProven) as refusal:
            form.add_error(None, str(refusal))
        else:
            request.session.pop(link.AUTHENTICATED_AT, None)
            messages.success(
                request,
                "The ID.me account was unlinked. Nothing can be signed until you "
                "verify with ID.me again.",
            )
            return redirect("erx-info")
    return proof_page(request, "mfa/idme/unlink.html", form, account=account)


def _form(request, account: IdmeAccount) -> ProofForm | PasswordForm:
    if not unlinking.needs_device(request.user):
        return PasswordForm(request.user, request.POST or None)
    return ProofForm(
        request.user,
        request.POST or None,
        purpose=Purpose.UNLINK,
        payload_digest=unlinking.digest(account),
        session_key=request.session.session_key,
        devices=Device.objects.visible_to(request.user).usable(),
        message="Unlink the ID.me account",
    )
