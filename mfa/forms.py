from django import forms

from mfa import challenges
from mfa.models import Challenge, Device, Purpose


class DeviceChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, device: Device) -> str:
        label = f"{device} (primary device)" if device.is_primary else str(device)
        if device.last_used_at:
            return f"{label}, last used {device.last_used_at:%b %-d, %Y}"
        return f"{label}, not used yet"


class CodeInput(forms.TextInput):
    """One field for a code, never filled in again: a refused code is of no more use."""

    def format_value(self, value):
        return None


class ProofForm(forms.Form):
    """Two factors, asked for at the moment of the act; `challenge` once they check out."""

    password = forms.CharField(
        label="Your portal password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    device = DeviceChoiceField(
        queryset=Device.objects.none(),
        to_field_name="public_id",
        empty_label=None,
        label="Which code generator do you want to use?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the device whose code you enter."},
    )
    code = forms.CharField(
        label="Code",
        max_length=16,
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
        user,
        data=None,
        *,
        purpose: Purpose,
        payload_digest: str,
        session_key: str,
        devices,
    ):
        super().__init__(data)
        self.user = user
        self.bound_to: dict = {
            "purpose": purpose,
            "payload_digest": payload_digest,
            "session_key": session_key,
        }
        self._offer(devices)

    def _offer(self, devices) -> None:
        choices = list(devices)
        if len(choices) == 1:
            del self.fields["device"]
            self.only_device = choices[0]
            self.fields["code"].label = f"Code from “{self.only_device}”"
            return
        self.only_device = None
        self.fields["device"].queryset = devices
        primary = next((device for device in choices if device.is_primary), None)
        if primary:
            self.fields["device"].initial = primary.public_id
            self.fields["code"].label = "Code from the device you chose"

    def clean_code(self) -> str:
        return self.cleaned_data["code"].replace(" ", "")

    def clean(self):
        if self.errors:
            return self.cleaned_data
        try:
            self.challenge = challenges.prove(
                self.user,
                device=self.only_device or self.cleaned_data["device"],
                password=self.cleaned_data["password"],
                code=self.cleaned_data["code"],
                **self.bound_to,
            )
        except challenges.PasswordRefused as refusal:
            self.add_error("password", str(refusal))
        except challenges.CodeRefused as refusal:
            self.add_error("code", str(refusal))
        except challenges.NotProven as refusal:
            self.add_error(None, str(refusal))
        return self.cleaned_data


class NicknameForm(forms.Form):
    nickname = forms.CharField(
        max_length=64,
        label="Nickname",
        help_text="For you to tell devices apart, such as MyiPhone or OfficeiPad.",
    )


class NewDeviceForm(NicknameForm):
    """The first code of a new device, and the name to call it by."""

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
