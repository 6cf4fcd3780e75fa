"""NCPDP SCRIPT in both of its versions: messages to pharmacies and from them."""

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
from prescriptions.script.requests import (
    RequestedMedication,
    plain,
    requested_medication,
)
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
    "RequestedMedication",
    "cancel_rx",
    "changed_in_transit",
    "denial",
    "differences",
    "new_rx",
    "parse_result",
    "plain",
    "read",
    "reply",
    "version_of",
    "requested_medication",
]
