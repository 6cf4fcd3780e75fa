"""NCPDP SCRIPT in both of its versions: what is said to pharmacies, and what is heard."""

from prescriptions.script.elements import LONGEST, NAMESPACE, DoesNotFit
from prescriptions.script.fields import changed_on_the_way, differences
from prescriptions.script.orders import cancel_rx, denial, new_rx
from prescriptions.script.parser import (
    OUTCOMES,
    Answer,
    Message,
    NotReadable,
    Outcome,
    parse_answer,
    read,
)
from prescriptions.script.replies import reply, version_of
from prescriptions.script.versions import OLDEST, VERSIONS

__all__ = [
    "LONGEST",
    "NAMESPACE",
    "OLDEST",
    "OUTCOMES",
    "VERSIONS",
    "Answer",
    "DoesNotFit",
    "Message",
    "NotReadable",
    "Outcome",
    "cancel_rx",
    "changed_on_the_way",
    "denial",
    "differences",
    "new_rx",
    "parse_answer",
    "read",
    "reply",
    "version_of",
]
