from providers.models.access import AccessGrant
from providers.models.practices import Address, Membership, Practice, Role
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
    "Membership",
    "Practice",
    "Provider",
    "Role",
    "Schedule",
    "StateLicense",
]
