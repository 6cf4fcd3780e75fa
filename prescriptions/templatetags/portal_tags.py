import re

from django import template

register = template.Library()


@register.filter
def phone(digits: str) -> str:
    """Write the ten digits of a number as people do: 518-555-0114."""
    return re.sub(r"\A(\d{3})(\d{3})(\d{4})\Z", r"\1-\2-\3", digits or "")
