from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.timesince import timesince

from foundation.actors import AuthenticatedRequest, User
from foundation.pages import form_page
from mfa import challenges, factor
from mfa.models import Challenge, ChallengeState, Device, Intent, Purpose
from mfa.refusals import CodeRefused, NotProven, PasswordRefused


class DeviceRadios(forms.RadioSelect):
    """Radio buttons with the kind of each device, for the script of the page."""

    def create_option(
        self, name: str, value: Any, *args: Any, **kwargs: Any
    ) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if device := getattr(value, "instance", None):
            option["attrs"]["data-kind"] = device.kind
        return option


class DeviceChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, device: Device) -> str:
        parts = [f"{device} (primary device)" if device.is_primary else str(device)]
        if note := factor.of(device).note:
            parts.append(note)
        parts.append(_last_use(device.last_used_at))
        return ", ".join(parts)


def _last_use(at: datetime | None) -> str:
    """Return how long ago, which is the same in every time zone."""
    if at is None:
        return "not used yet"
    if timezone.now() - at < timedelta(minutes=1):
        return "used just now"
    return f"last used {timesince(at, depth=1)} ago"


class CodeInput(forms.TextInput):
    """Field for a code, never filled in again: a refused code is useless."""

    def format_value(self, value: object) -> None:
        return None


class CodeField(forms.CharField):
    """Required or not depending on the device, so never labeled optional."""

    is_conditional = True


class ProofForm(forms.Form):
    """Two factors at the moment of the act: which device, and what it needs.

    While the page waits for a device (`waiting`), the form asks for a code instead,
    without the password again. `passes` proves what a valid form holds.
    """

    template_name = "mfa/proof.html"

    password = forms.CharField(
        label="Your portal password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    device = DeviceChoiceField(
        queryset=Device.objects.none(),
        to_field_name="public_id",
        empty_label=None,
        label="Which device do you want to use?",
        widget=DeviceRadios,
        error_messages={"required": "Choose the device that you confirm with."},
    )
    code = CodeField(
        label="Code",
        max_length=16,
        required=False,
        widget=CodeInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "pattern": "[0-9 ]*",
                "spellcheck": "false",
            }
        ),
    )
    challenge: Challenge

    def __init__(
        self,
        intent: Intent,
        data: QueryDict | None = None,
        *,
        devices: list[Device],
        message: str,
        waiting: Challenge | None = None,
        ended: Challenge | None = None,
    ) -> None:
        self.intent, self.message = intent, message
        self.has_asked_phone = False
        self.waiting, self.ended = waiting, ended
        super().__init__(data)
        if waiting:
            del self.fields["password"]
            devices = [device for device in devices if factor.of(device).asks_for_code]
        self.only_device = devices[0] if len(devices) == 1 else None
        self._offer(devices)
        self._ask_for_code(devices)

    @property
    def note_template(self) -> str:
        """Return the template of what the only device adds below the fields."""
        return factor.of(self.only_device).template if self.only_device else ""

    @property
    def chosen_device(self) -> Device | None:
        """Return the device of a valid form; None if there is none to choose."""
        return self.only_device or self.cleaned_data.get("device")

    def clean_code(self) -> str:
        return self.cleaned_data["code"].replace(" ", "")

    def _offer(self, devices: list[Device]) -> None:
        if len(devices) < 2:
            del self.fields["device"]
            return
        primary = [device for device in devices if device.is_primary]
        self.fields["device"].initial = (primary or devices)[0].public_id
        self.fields["device"].queryset = Device.objects.filter(
            pk__in=[device.pk for device in devices]
        )

    def _ask_for_code(self, devices: list[Device]) -> None:
        """Label the field for those on offer; leave it out if none has codes."""
        code = self.fields["code"]
        have_codes = {factor.of(device).asks_for_code for device in devices}
        if True not in have_codes:
            del self.fields["code"]
            return
        if self.only_device:
            code.label = f"Code from “{self.only_device}”"
        else:
            code.label = "Code from the device you chose"
        if False in have_codes:
            code.help_text = "Only if you chose a code generator."
        code.required = have_codes == {True} and not self.waiting


class PasswordForm(forms.Form):
    """The password alone, for a user without a device to confirm with."""

    has_asked_phone = False
    password = forms.CharField(
        label="Your portal password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: User, data: QueryDict | None = None) -> None:
        self.user = user
        super().__init__(data)

    def clean_password(self) -> str:
        try:
            challenges.confirm_password(
                self.user, password=self.cleaned_data["password"]
            )
        except NotProven as refusal:
            raise forms.ValidationError(str(refusal)) from None
        return self.cleaned_data["password"]


class NicknameForm(forms.Form):
    nickname = forms.CharField(
        max_length=64,
        label="Nickname",
        help_text="For you to tell devices apart, such as MyiPhone or OfficeiPad.",
    )


class NewDeviceForm(NicknameForm):
    """The first code of a new device, and its nickname."""

    code = forms.CharField(
        label="Code that the new device shows",
        max_length=16,
        widget=CodeInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}
        ),
    )
    field_order = ["code", "nickname"]

    def clean_code(self) -> str:
        return self.cleaned_data["code"].replace(" ", "")


def passes(form: ProofForm | PasswordForm) -> bool:
    """Return True if both factors are shown; the form then has the `challenge`.

    Or else the form says why not, or has asked a phone (`has_asked_phone`).
    """
    if not form.is_valid():
        return False
    if isinstance(form, PasswordForm):
        return True
    try:
        form.challenge = _prove(form)
    except PasswordRefused as refusal:
        form.add_error("password", str(refusal))
    except CodeRefused as refusal:
        form.add_error("code", str(refusal))
    except NotProven as refusal:
        form.add_error(None, str(refusal))
    else:
        has_passed = form.challenge.state == ChallengeState.PASSED
        # Otherwise it waits or was denied: the next page says so.
        form.has_asked_phone = not has_passed
        return has_passed
    return False


def _prove(form: ProofForm) -> Challenge:
    return factor.prove(
        form.intent,
        device=form.chosen_device,
        waiting=form.waiting,
        password=form.cleaned_data.get("password"),
        code=form.cleaned_data.get("code", ""),
        message=form.message,
    )


def proof_form(
    request: AuthenticatedRequest,
    *,
    purpose: Purpose,
    digest: str,
    devices: Iterable[Device],
    message: str,
) -> ProofForm:
    """Return the ProofForm of a request for an act of its user, in its session."""
    intent = intent_of(request, purpose=purpose, digest=digest)
    return ask(intent, request.POST or None, devices=devices, message=message)


def ask(
    intent: Intent,
    posted: QueryDict | None,
    *,
    devices: Iterable[Device],
    message: str,
) -> ProofForm:
    """Return the ProofForm for an intent, and what its page waits for."""
    waiting, ended = factor.latest(intent)
    if posted and "waiting" in posted and ended:
        posted = None  # it ended before the person went on: the page says how
    return ProofForm(
        intent,
        posted,
        devices=list(devices),
        message=message,
        waiting=waiting,
        ended=ended,
    )


def intent_of(
    request: AuthenticatedRequest, *, purpose: Purpose, digest: str
) -> Intent:
    """Return what the user of a request means to do in this session."""
    return Intent(request.user, purpose, digest, request.session.session_key)


def proof_page(
    request: HttpRequest,
    template: str,
    form: "ProofForm | PasswordForm | None",
    **context: Any,
) -> HttpResponse:
    """Return the page of a ProofForm; after a push, redirect to the page that waits."""
    if form and form.has_asked_phone:
        return redirect(request.get_full_path())
    return form_page(request, template, form, **context)
