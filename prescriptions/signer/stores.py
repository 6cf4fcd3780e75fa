"""Which key store this site uses: an encrypted file or a PKCS#11 token."""

from django.conf import settings

from prescriptions.signer import files
from prescriptions.signer.keys import KeyStore, SignerUnavailable


def configured() -> KeyStore:
    """Return the key store that SIGNING_KEY_STORE names; raise SignerUnavailable."""
    if settings.SIGNING_KEY_STORE == "file":
        return files.FileStore()
    try:
        from prescriptions.signer import hsm  # noqa: PLC0415  needs python-pkcs11
    except ImportError:
        raise SignerUnavailable("Install python-pkcs11 for this key store.") from None
    return hsm.TokenStore()
