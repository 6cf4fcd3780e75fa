from typing import Any, cast

from django import forms

from sandbox.idme import codes, switches
from sandbox.idme.models import Account, Answer, Approval, Channel, Decision, Device


class SignInForm(forms.Form):
    """Step 1 of 3; `account` once the password checks out."""

    email = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    account: Account

    def clean(self):
        if self.errors:
            return
        email = self.cleaned_data["email"].lower()
        account = Account.objects.filter(email=email).first()
        if not account or not account.has_password(self.cleaned_data["password"]):
            raise forms.ValidationError("The e-mail or the password is wrong.")
        self.account = account


class SignUpForm(forms.Form):
    """A new ID.me account; `account` once it exists."""

    first_name = forms.CharField(max_length=60)
    last_name = forms.CharField(max_length=60)
    email = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
    password = forms.CharField(
        min_length=12,
        help_text="At least 12 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_email(self):
        email = self.cleaned_data["email"].lower()
        if Account.objects.filter(email=email).exists():
            raise forms.ValidationError(
                "There is an account with this e-mail already. Sign in instead."
            )
        return email

    def create_account(self) -> Account:
        values = dict(self.cleaned_data)
        account = Account(email=values["email"])
        account.first_name, account.last_name = (
            values["first_name"],
            values["last_name"],
        )
        account.set_password(values["password"])
        account.save()
        return account


class PretendDocumentsForm(forms.Form):
    document = forms.ChoiceField(
        label="Pretend document",
        choices=[
            ("license", "A pretend driver's license"),
            ("passport", "A pretend passport"),
        ],
        widget=forms.RadioSelect,
        initial="license",
    )
    understood = forms.BooleanField(
        label="I understand that nothing is verified here", label_suffix=""
    )


class MethodField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Device) -> str:
        return f"{obj.get_type_display()}: {obj.name}"


class MethodForm(forms.Form):
    """Step 2 of 3: which of the account's methods."""

    device = MethodField(
        Device.objects.none(),
        label="Choose a method",
        widget=forms.RadioSelect,
        empty_label=None,
    )

    def __init__(self, account: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        methods = account.devices.usable()
        field = cast(MethodField, self.fields["device"])
        field.queryset = methods
        field.initial = methods.first()


class CodeForm(forms.Form):
    code = forms.CharField(
        label="6-digit code",
        max_length=6,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "pattern": "[0-9]{6}",
            }
        ),
    )


class RecoveryForm(forms.Form):
    code = forms.CharField(
        label="Recovery code",
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class ChannelForm(forms.Form):
    channel = forms.ChoiceField(
        label="How do you want to set it up?",
        choices=[
            (Channel.TEXT, "Text message: we text you a link"),
            (Channel.EMAIL, "E-mail: we e-mail you a link"),
            (Channel.QR, "QR code: scan it with an authenticator app"),
        ],
        widget=forms.RadioSelect,
        initial=Channel.QR,
    )


class LinkChannelForm(forms.Form):
    channel = forms.ChoiceField(
        label="Where should the link go?",
        choices=[(Channel.TEXT, "Text message"), (Channel.EMAIL, "E-mail")],
        widget=forms.RadioSelect,
        initial=Channel.TEXT,
    )


class TextNumberForm(forms.Form):
    phone_number = forms.CharField(
        max_length=20,
        help_text="Any number: the text arrives on the demo phone.",
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )


class NameForm(forms.Form):
    name = forms.CharField(
        label="Name your device",
        max_length=40,
        required=False,
        help_text="Optional. For example MyiPhone or OfficeiPad.",
    )


class NewDeviceForm(CodeForm, NameForm):
    field_order = ["code", "name"]


class PhoneKeyForm(forms.Form):
    """A key as an authenticator app would scan it; `secret` and `label` once read."""

    key = forms.CharField(
        label="Secret key or otpauth:// address",
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    name = forms.CharField(
        label="Name on this phone", max_length=80, required=False, help_text="Optional."
    )
    secret: str
    label: str

    def clean_key(self):
        try:
            self.secret, found = codes.key_of(self.cleaned_data["key"].strip())
        except ValueError:
            raise forms.ValidationError(
                "This is neither a secret key nor an otpauth:// address."
            ) from None
        self.label = found or "Added account"
        return self.cleaned_data["key"]

    def clean_name(self):
        if self.cleaned_data["name"]:
            self.label = self.cleaned_data["name"]
        return self.cleaned_data["name"]


class AnswerForm(forms.Form):
    answer = forms.ChoiceField(choices=Answer.choices)


class DecisionForm(forms.Form):
    """The answer to an approval; `number` is needed to say yes where one is to match."""

    decision = forms.ChoiceField(
        choices=[
            (decision.value, decision.label)
            for decision in (Decision.APPROVED, Decision.DECLINED, Decision.NOT_ME)
        ]
    )
    number = forms.RegexField(
        "^[0-9]{2}$",
        required=False,
        error_messages={"invalid": "Enter the two digits that the portal shows."},
    )

    def __init__(self, approval: Approval, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.approval = approval

    def clean(self):
        is_yes = self.cleaned_data.get("decision") == Decision.APPROVED
        if is_yes and self.approval.number and self.cleaned_data.get("number") == "":
            self.add_error("number", "Enter the two digits that the portal shows.")


class SwitchesForm(forms.Form):
    """For every endpoint, what it does wrong; nothing to begin with."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for endpoint, faults in switches.FAULTS.items():
            known = [(fault.value, fault.label) for fault in faults]
            self.fields[endpoint] = forms.ChoiceField(
                label=endpoint.label,
                choices=[("", "Works as it should"), *known],
                required=False,
            )
