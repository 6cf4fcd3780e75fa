"""Key files as tests write them."""

from cryptography.hazmat.primitives import serialization

PASSPHRASE = b"tests only"


def write(path, key, *, passphrase=PASSPHRASE):
    encryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
    )
    return path
