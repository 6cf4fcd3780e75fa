"""What is declared of each act beside its name: the law, the detail, the filter."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypedDict

from django.db import models

from audit.reasons import ReasonChoices, Words

ORDINARY = "it is ordinary work"
OF_FAILURES = ("reason", "problem")  # keys that a failure of any act may carry


class Paragraph(models.TextChoices):
    """What 21 CFR 1311.150(a) calls auditable, each by its paragraph."""

    ACCESS = "(a)(1)", "Attempted unauthorized access"
    RECORDS = "(a)(2)", "Attempted change or destruction of records"
    OPERATION = "(a)(3)", "Interference with the work of the portal"
    CONTROLS = "(a)(4)", "Access controls set or changed"
    AUDIT = "(a)(5)", "Interference with audit functions"
    STAFF = "(a)(6)", "Done by staff of the host"


class Area(models.TextChoices):
    """The filters of the activity log; all acts of one noun are of one area."""

    SIGNING = "signing", "Prescriptions and signing"
    DEVICES = "devices", "Devices and codes"
    IDENTITY = "identity", "ID.me"
    SIGN_INS = "sign-ins", "Sign-ins and password"
    ACCESS = "access", "Rights and facts"


class Detail(TypedDict, total=False):
    """The keys of an event's detail, with what each may hold.

    No key may hold a patient, a code of a device, a password, a seed, a token or a key.
    """

    aal: int | None
    added: bool | int
    algorithm: str
    attempts: int
    blockers: list[str]
    certificate: str
    challenge: str
    changed: int
    channel: str
    code: str  # of a pharmacy's answer, never of a device
    day: str
    device: str
    digest: str
    events: int
    fields: list[str]
    fips: bool | None
    ial: int | None
    incident: str
    key_id: str
    kind: str
    message_id: str
    model: str
    nickname: str
    offset_ms: int | None
    own: bool
    period: str
    practice: str
    prescriptions: int
    problem: str
    provisional: bool
    purpose: str
    reason: ReasonChoices | Words | None
    removed: int
    request: str
    schedule: str
    since: str
    source: str
    status: str
    streams: int
    version: str


@dataclass(frozen=True)
class Entry:
    """The entry of an act; `detail` names the keys that its events may carry.

    A failure may carry `reason` or `problem` as well, whatever the act.
    """

    area: Area
    citations: str = ""  # of 21 CFR, besides the paragraph of 1311.150(a)
    paragraph: Paragraph | None = None
    detail: Sequence[str] = ()
    only_failures: bool = False  # auditable only when it failed
    because: str = ORDINARY  # why it is not auditable, if it is not

    def allows(self, key: str, *, failed: bool) -> bool:
        """Return True if an event of this act may carry the key."""
        return key in self.detail or (failed and key in OF_FAILURES)

    @property
    def regulation(self) -> str:
        """The paragraphs of 21 CFR behind the act, in order."""
        citations = self.citations.split(", ") if self.citations else []
        if self.paragraph:
            citations.append(f"1311.150{self.paragraph}")
        return ", ".join(sorted(citations, key=_by_number))


def _by_number(citation: str) -> list[str | int]:
    """Return a sort key that puts (b)(4) before (b)(23)."""
    parts = re.split(r"(\d+)", citation)
    return [int(part) if part.isdigit() else part for part in parts]


DETAIL_KEYS = frozenset(Detail.__annotations__)

ordinary = Entry
access = partial(Entry, paragraph=Paragraph.ACCESS)
records = partial(Entry, paragraph=Paragraph.RECORDS)
operation = partial(Entry, paragraph=Paragraph.OPERATION)
controls = partial(Entry, paragraph=Paragraph.CONTROLS)
audit_functions = partial(Entry, paragraph=Paragraph.AUDIT)
host_staff = partial(Entry, paragraph=Paragraph.STAFF)
