"""Settings that share a prefix, as one typed object for the app that owns them."""

from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Family = TypeVar("Family", bound="DataclassInstance")


def family(kind: type[Family], *, prefix: str) -> Family:
    """Return the current settings PREFIX + FIELD for the fields of a dataclass."""
    names = [field.name for field in fields(kind)]
    return kind(**{name: getattr(settings, prefix + name.upper()) for name in names})
