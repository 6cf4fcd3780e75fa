"""The links on every page, and which of them the page belongs to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.urls import reverse

from epcs_portal.reader import Reader


def _anybody(reader: Reader) -> bool:
    return True


@dataclass(frozen=True)
class Entry:
    """A link, whom it is for, and how the url names of its section's pages begin."""

    url_name: str
    label: str
    section: tuple[str, ...] = ()
    is_for: Callable[[Reader], bool] = _anybody


@dataclass(frozen=True)
class Link:
    url: str
    label: str
    current: str  # value of aria-current, or empty


MAIN = [
    Entry("prescription-list", "Prescriptions", ("prescription-",)),
    Entry("patient-list", "Patients", ("patient-",)),
    Entry("log-list", "Logs", ("log-",), lambda reader: bool(reader.provider)),
    Entry(
        "access-list", "Access", ("access-",), lambda reader: reader.is_access_manager
    ),
]
ACCOUNT = [
    Entry("provider-settings", "Provider Settings"),
    Entry(
        "incident-list",
        "Incidents and reports",
        ("incident-", "daily-"),
        lambda reader: reader.reads_records,
    ),
    Entry(
        "export-list",
        "Export records",
        ("export-", "imported"),
        lambda reader: reader.reads_records,
    ),
    Entry("password-change", "Change password"),
    Entry(
        "system-status", "System status", is_for=lambda reader: reader.is_responsible
    ),
    Entry("admin:index", "Administration", is_for=lambda reader: reader.user.is_staff),
]


def links(entries: list[Entry], *, reader: Reader, here: str) -> Iterator[Link]:
    """Yield the links for a reader on the page with the url name `here`.

    Nothing is asked before a template draws them, for many answers have none.
    """
    for entry in entries:
        if entry.is_for(reader):
            yield Link(reverse(entry.url_name), entry.label, _current(entry, here))


def _current(entry: Entry, here: str) -> str:
    if not here.startswith(entry.section):
        return ""
    return "page" if here == entry.url_name else "true"
