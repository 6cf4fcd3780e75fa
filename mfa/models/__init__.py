from mfa.models.challenges import (
    Challenge,
    ChallengeQuerySet,
    ChallengeState,
    Channel,
    Ending,
    Intent,
    Purpose,
    Push,
    PushQuerySet,
    session_digest,
)
from mfa.models.devices import (
    SIGNING_KINDS,
    Device,
    DeviceQuerySet,
    Kind,
    Retirement,
    Source,
    UserThrottle,
)
from mfa.models.identity import IdmeAccount, IdmeAccountQuerySet

__all__ = [
    "SIGNING_KINDS",
    "Challenge",
    "ChallengeQuerySet",
    "ChallengeState",
    "Channel",
    "Device",
    "DeviceQuerySet",
    "Ending",
    "IdmeAccount",
    "Intent",
    "IdmeAccountQuerySet",
    "Kind",
    "Purpose",
    "Push",
    "PushQuerySet",
    "Retirement",
    "Source",
    "UserThrottle",
    "session_digest",
]
