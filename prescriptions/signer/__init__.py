"""The application's own signing key and what may be done with it.

21 CFR 1311.120(b)(16). Call through the package: `signer.sign(payload)`.
"""

from prescriptions.signer.keys import ALGORITHM, KeyExists, SignerUnavailable
from prescriptions.signer.modules import module, record_module
from prescriptions.signer.signing_key import (
    SignatureInvalid,
    activate,
    active_since,
    check_health,
    close,
    create,
    current_key,
    deactivate,
    public_jwks,
    rotate,
    sign,
    unlock,
    verify,
)

__all__ = [
    "ALGORITHM",
    "KeyExists",
    "SignatureInvalid",
    "SignerUnavailable",
    "activate",
    "active_since",
    "check_health",
    "close",
    "create",
    "current_key",
    "deactivate",
    "module",
    "public_jwks",
    "record_module",
    "rotate",
    "sign",
    "unlock",
    "verify",
]
