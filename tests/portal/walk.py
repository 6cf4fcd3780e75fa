"""Every address of the portal, for tests that hold for all of them."""

import uuid

from django.urls import URLPattern, get_resolver

VALUES = {"uuid": str(uuid.UUID(int=1)), "int": "1", "str": "x", "slug": "x"}
FOREIGN = {"admin", "djdt"}


def own_paths():
    """Yield (name, path) of every page outside Django's admin."""
    return _walk(get_resolver(), "")


def admin_paths():
    admin = next(
        entry
        for entry in get_resolver().url_patterns
        if getattr(entry, "app_name", None) == "admin"
    )
    return _walk(admin, "/admin")


def _walk(resolver, prefix):
    for entry in resolver.url_patterns:
        route = f"{prefix}/{entry.pattern}".replace("//", "/")
        if not isinstance(entry, URLPattern):
            if entry.app_name not in FOREIGN:
                yield from _walk(entry, route)
            continue
        for name, converter in entry.pattern.converters.items():
            kind = type(converter).__name__.removesuffix("Converter").lower()
            value = VALUES.get(kind, "x")
            route = route.replace(f"<{kind}:{name}>", value).replace(f"<{name}>", value)
        yield entry.name, route
