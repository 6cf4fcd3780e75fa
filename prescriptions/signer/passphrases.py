"""Passphrases and PINs: kept in memory while they are used, then overwritten.

21 CFR 1311.120(b)(16)(iv). A secret from a file can be cleared. A secret from the
environment stays readable while the process runs; `manage.py check` warns of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prescriptions.signer.keys import SignerUnavailable


@contextmanager
def secret(value: str, file: str, *, name: str) -> Iterator[bytearray]:
    """Yield the secret and overwrite it afterwards; raise SignerUnavailable."""
    buffer = _read(Path(file), name=name) if file else bytearray(value.encode())
    try:
        if not buffer:
            raise SignerUnavailable(f"Set {name}_FILE first.")
        yield buffer
    finally:
        buffer[:] = bytes(len(buffer))


def _read(path: Path, *, name: str) -> bytearray:
    try:
        with path.open("rb", buffering=0) as file:
            buffer = bytearray(path.stat().st_size)
            file.readinto(buffer)
    except OSError:
        raise SignerUnavailable(f"The file of {name}_FILE cannot be read.") from None
    end = len(buffer.rstrip(b"\r\n"))
    buffer[end:] = b""
    return buffer
