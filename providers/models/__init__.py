from providers.models.access import AccessGrant
from providers.models.addresses import Address
from providers.models.designees import Designee
from providers.models.institutions import Institution
from providers.models.practices import Membership, Practice, Role
from providers.models.practitioners import (
    DeaRegistration,
    Provider,
    Schedule,
    StateLicense,
)

__all__ = [
    "AccessGrant",
    "Address",
    "DeaRegistration",
    "Designee",
    "Institution",
    "Membership",
    "Practice",
    "Provider",
    "Role",
    "Schedule",
    "StateLicense",
]
