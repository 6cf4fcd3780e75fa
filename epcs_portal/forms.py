from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Draw every field of every form with `templates/forms/field.html`."""

    field_template_name = "forms/field.html"
    form_template_name = "forms/form.html"
