from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting

from mfa import challenges, refusals

LONGEST_NAME = 150  # characters of a username


class Renderer(TemplatesSetting):
    """Render every field of every form with `templates/forms/field.html`."""

    field_template_name = "forms/field.html"
    form_template_name = "forms/form.html"


class SignInForm(AuthenticationForm):
    """Django's form, with the username limited to what its column can hold."""

    def clean_username(self) -> str:
        if len(self.cleaned_data["username"]) > LONGEST_NAME:
            raise self.get_invalid_login_error()
        return self.cleaned_data["username"]


class NewPasswordForm(PasswordChangeForm):
    """Check the old password under the same limit on guesses as signing."""

    def clean_old_password(self) -> str:
        try:
            challenges.confirm_password(
                self.user, password=self.cleaned_data["old_password"]
            )
        except refusals.NotProven as refusal:
            raise ValidationError(str(refusal)) from None
        return self.cleaned_data["old_password"]
