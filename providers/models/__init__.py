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
from providers.models.appointments import CredentialingOfficer, Designee
from providers.models.institutions import Institution
from providers.models.listings import Listing
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
