"""What test runs keep for the next one: keys and databases, in `var/test/`.

Everything in there can be deleted at any time; the next run makes it again.
"""

import fcntl
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import ROOT

FOLDER = ROOT / "var" / "test"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep every other process on this machine that asks for the same lock waiting."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(files: Iterable[Path]) -> str:
    """Return a short name for the contents of these files."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
