"""Key files that test runs make for themselves."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.kept import FOLDER, locked

PASSPHRASE = "tests only"


def kept_keys() -> tuple[Path, Path]:
    """Return the signing key and the userinfo key of all test runs, made once."""
    signing, userinfo = FOLDER / "signing.pem", FOLDER / "userinfo.pem"
    with locked("keys"):
        if not userinfo.exists():
            write_signing_key(FOLDER, passphrase=PASSPHRASE)
            write_userinfo_key(FOLDER)
    return signing, userinfo


def write_signing_key(folder: Path, *, passphrase: str) -> Path:
    encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return _write(
        folder / "signing.pem", ec.generate_private_key(ec.SECP256R1()), encryption
    )


def write_userinfo_key(folder: Path) -> Path:
    return _write(
        folder / "userinfo.pem",
        rsa.generate_private_key(65537, 2048),
        serialization.NoEncryption(),
    )


def write_client_key(folder: Path, key) -> Path:
    return _write(folder / "client.pem", key, serialization.NoEncryption())


def _write(path: Path, key, encryption) -> Path:
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
    )
    return path
