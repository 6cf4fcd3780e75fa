"""The application's own signing key and what may be done with it.

21 CFR 1311.120(b)(16). Call through the package: `signer.sign(payload)`.
"""

from prescriptions.signer.keys import ALGORITHM, KeyExists, SignerUnavailable
from prescriptions.signer.modules import module, record_module
from prescriptions.signer.signing_key import (
    CurrentKey,
    SignatureInvalid,
    activate,
    active_since,
    check_health,
    close,
    create,
    current_key,
    deactivate,
    evidence,
    open_key,
    problems_in,
    public_jwks,
    rotate,
    sign,
    unlock,
    verify,
)

__all__ = [
    "ALGORITHM",
    "CurrentKey",
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
    "evidence",
    "module",
    "open_key",
    "problems_in",
    "public_jwks",
    "record_module",
    "rotate",
    "sign",
    "unlock",
    "verify",
]
