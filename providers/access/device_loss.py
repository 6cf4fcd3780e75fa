from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect

from foundation.pages import form_page
from mfa import devices
from mfa.models import Device
from providers.access import suspension
from providers.access.forms import LostDeviceForm
from providers.models import Cause


def report(request, public_id):
    """Take a lost device out of use at once; no factor is asked of who lost one."""
    listed = Device.objects.visible_to(request.user).listed()
    device = get_object_or_404(listed, public_id=public_id)
    form = LostDeviceForm(request.POST or None)
    if form.is_valid():
        cause = Cause(form.cleaned_data["cause"])
        try:
            suspension.report_device(device, by=request.user, cause=cause)
        except devices.DeviceChangeRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                f"“{device}” is out of use, signing has stopped, and those who set "
                "access were told.",
            )
            return redirect("erx-info")
    return form_page(request, "providers/lost.html", form, device=device)
