"""NCPDP SCRIPT in both of its versions: what is said to pharmacies, and what is heard."""

from prescriptions.script.elements import LONGEST, NAMESPACE, DoesNotFit
from prescriptions.script.fields import changed_in_transit, differences
from prescriptions.script.orders import cancel_rx, denial, new_rx
from prescriptions.script.parser import (
    OUTCOMES,
    DeliveryResult,
    Message,
    NotReadable,
    Outcome,
    parse_result,
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
    "DeliveryResult",
    "DoesNotFit",
    "Message",
    "NotReadable",
    "Outcome",
    "cancel_rx",
    "changed_in_transit",
    "denial",
    "differences",
    "new_rx",
    "parse_result",
    "read",
    "reply",
    "version_of",
]
