import re

from django import template
from django.apps import apps
from django.utils.text import capfirst

register = template.Library()


@register.filter
def phone(digits: str) -> str:
    """Return a ten-digit phone number with hyphens: 518-555-0114."""
    return re.sub(r"\A(\d{3})(\d{3})(\d{4})\Z", r"\1-\2-\3", digits or "")


@register.filter
def model_in_words(label: str) -> str:
    """Return a model's name from its label: Prescription log."""
    try:
        return capfirst(apps.get_model(label)._meta.verbose_name)
    except (LookupError, ValueError):
        return label
