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
from mfa import challenges
from mfa.models import Challenge, ChallengeState, Device, Intent, Kind, Purpose
from mfa.push import answers, pushes
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
        if device.kind == Kind.PUSH:
            parts.append("push notification")
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
    """Two factors at the moment of the act; a valid form has the passed `challenge`.

    A code is verified at once. A push is sent, and the same page waits for its answer
    (`waiting`); meanwhile it accepts a code instead, without the password again.
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
        devices: Iterable[Device],
        message: str,
    ) -> None:
        self.intent, self.message = intent, message
        self.has_asked_phone = False
        self.waiting, self.ended = self._latest_push()
        # The push ended before the person went on: the page says how.
        super().__init__(None if data and "waiting" in data and self.ended else data)
        self._offer(list(devices))

    def is_valid(self) -> bool:
        return super().is_valid() and hasattr(self, "challenge")

    def clean_code(self) -> str:
        return self.cleaned_data["code"].replace(" ", "")

    def clean(self) -> dict[str, Any]:
        if self.errors:
            return self.cleaned_data
        try:
            self._prove()
        except PasswordRefused as refusal:
            self.add_error("password", str(refusal))
        except CodeRefused as refusal:
            self.add_error("code", str(refusal))
        except NotProven as refusal:
            self.add_error(None, str(refusal))
        return self.cleaned_data

    def _latest_push(self) -> tuple[Challenge | None, Challenge | None]:
        """Return the push that the page waits for, or the one that just ended."""
        push = pushes.latest(self.intent)
        if push is None:
            return None, None
        is_alive = answers.is_open(push) or pushes.is_redeemable(push)
        return (push, None) if is_alive else (None, push)

    def _offer(self, devices: list[Device]) -> None:
        if self.waiting:
            del self.fields["password"]
            devices = [
                device for device in devices if device.kind == Kind.CODE_GENERATOR
            ]
        self.only_device = devices[0] if len(devices) == 1 else None
        if len(devices) < 2:
            del self.fields["device"]
        else:
            self.fields["device"].queryset = Device.objects.filter(
                pk__in=[device.pk for device in devices]
            )
            primary = [device for device in devices if device.is_primary]
            self.fields["device"].initial = (primary or devices)[0].public_id
        self._ask_for_code(devices)

    def _ask_for_code(self, devices: list[Device]) -> None:
        """Label the field for the kinds on offer: code generators, push, or both."""
        code, kinds = self.fields["code"], {device.kind for device in devices}
        if Kind.CODE_GENERATOR not in kinds:
            del self.fields["code"]
            return
        if self.only_device:
            code.label = f"Code from “{self.only_device}”"
        else:
            code.label = "Code from the device you chose"
        if Kind.PUSH in kinds:
            code.help_text = "Only if you chose a code generator."
        code.required = kinds == {Kind.CODE_GENERATOR} and not self.waiting

    def _prove(self) -> None:
        device = self.only_device or self.cleaned_data.get("device")
        code = self.cleaned_data.get("code", "")
        if self.waiting and not code:
            self._apply_answer(self.waiting)
        elif device is None:
            raise NotProven("You have no device to confirm with. Add one on eRx Info.")
        elif device.kind == Kind.PUSH:
            self._ask_phone(device, code=code)
        elif not code:
            raise CodeRefused(f"Enter the code that “{device}” shows.")
        else:
            self._check_code(device, code=code)

    def _check_code(self, device: Device, *, code: str) -> None:
        self.challenge = challenges.prove(
            self.intent,
            device=device,
            password=self.cleaned_data.get("password"),
            code=code,
        )

    def _ask_phone(self, device: Device, *, code: str) -> None:
        if code:
            raise CodeRefused(
                f"“{device}” is asked by push and has no codes. Leave the code empty, "
                "or choose the device that the code is from."
            )
        pushes.start(
            self.intent,
            device=device,
            message=self.message,
            password=self.cleaned_data["password"],
        )
        self.has_asked_phone = True

    def _apply_answer(self, waiting: Challenge) -> None:
        challenge = pushes.check(waiting)
        if challenge.state == ChallengeState.PASSED:
            self.challenge = challenge
        elif answers.is_open(challenge):
            raise NotProven(
                f"“{challenge.device}” has not answered yet. Answer on your phone first."
            )
        else:
            self.has_asked_phone = True  # it denied or expired: the next page says so


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
    return ProofForm(intent, request.POST or None, devices=devices, message=message)


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
