"""Passphrases and PINs: in memory for as long as it takes, then overwritten.

21 CFR 1311.120(b)(16)(iv). One in a file can be cleared; one in the environment stays
readable as long as the process runs, which `manage.py check` warns of.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prescriptions.signer.keys import SignerUnavailable


@contextmanager
def secret(value: str, file: str, *, name: str) -> Iterator[bytearray]:
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
