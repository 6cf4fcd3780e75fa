from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from sandbox.idme import switches
from sandbox.idme.forms import SwitchesForm


def page(request):
    form = SwitchesForm(request.POST or None, initial=switches.current())
    if form.is_valid():
        switches.turn(form.cleaned_data)
        messages.success(request, "The switches were turned.")
        return redirect("switches")
    return render(request, "idme/switches.html", {"form": form})


@require_POST
def normal(request):
    switches.turn({})
    messages.success(request, "Everything works again.")
    return redirect("switches")


@require_POST
def rotate(request):
    key = switches.rotate_key()
    messages.success(request, f"Signed with a new key from now on: {key.kid}")
    return redirect("switches")
