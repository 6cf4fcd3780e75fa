from providers.models.access import (
    ABOUT_PROVIDERS,
    AccessGrant,
    AccessKind,
    AccessRequest,
    AccessState,
    DeaSource,
    StateSource,
    Verification,
)
from providers.models.addresses import Address
from providers.models.credentialing import CredentialingOfficer, Listing
from providers.models.designees import Designee
from providers.models.institutions import Institution
from providers.models.practices import Membership, Practice, Role
from providers.models.practitioners import (
    DeaRegistration,
    Provider,
    Schedule,
    StateLicense,
)
from providers.models.suspensions import Cause, Suspension

__all__ = [
    "ABOUT_PROVIDERS",
    "AccessGrant",
    "AccessKind",
    "AccessRequest",
    "AccessState",
    "Cause",
    "DeaSource",
    "StateSource",
    "Suspension",
    "Verification",
    "Address",
    "CredentialingOfficer",
    "DeaRegistration",
    "Designee",
    "Institution",
    "Listing",
    "Membership",
    "Practice",
    "Provider",
    "Role",
    "Schedule",
    "StateLicense",
]
