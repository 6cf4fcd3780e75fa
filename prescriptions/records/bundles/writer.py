"""Write a bundle: a folder or a zip file, sealed with the signing key."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from prescriptions import content, signer, spreadsheets
from prescriptions.records.bundles import contents, verify
from prescriptions.records.bundles.contents import Scope
from prescriptions.safeguards import releases

HERE = Path(__file__).parent
SHIPPED = ["README.txt", "verify.py"]
FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can say


class NotWritten(Exception):
    """No bundle was written; the message says why."""


@dataclass(frozen=True)
class Written:
    """How many prescriptions a new bundle holds, and the digest that is sealed."""

    prescriptions: int
    manifest_digest: str


def write(
    output: Path,
    *,
    scope: Scope,
    progress: Callable[[int], object] = lambda done: None,
) -> Written:
    """Write a bundle to a new folder, or to a new file if its name ends with .zip.

    Raise NotWritten or signer.SignerUnavailable; then nothing is left behind.
    """
    if output.exists():
        raise NotWritten(f"{output} exists and is kept.")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".export-") as name:
        folder = Path(name)
        target = folder / "bundle"
        is_zip = output.suffix == ".zip"
        with contextlib.closing((_Zip if is_zip else _Folder)(target)) as bundle:
            written = _fill(bundle, folder, scope=scope, progress=progress)
            bundle.finish()
        if is_zip:
            _seal_zip(target)
        target.rename(output)
    return written


class _Bundle:
    """A bundle being written; keeps the digest of each file for the manifest."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.lines = tempfile.TemporaryFile("w+b")  # noqa: SIM115
        self.count = 0

    def add(self, name: str, data: bytes) -> None:
        """Write a file and list it in the manifest."""
        self.write(name, data)
        self._remember(name, hashlib.sha256(data).hexdigest())

    def add_lines(self, name: str, lines: Iterable[bytes], *, folder: Path) -> None:
        """Add a file that may not fit into memory."""
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            for line in lines:
                file.write(line)
                digest.update(line)
            file.flush()
            self.write_file(name, Path(file.name))
        self._remember(name, digest.hexdigest())

    def add_manifest(self) -> str:
        """Add the list of all files so far; return its digest."""
        self.lines.seek(0)
        digest = hashlib.file_digest(self.lines, "sha256").hexdigest()
        self.lines.seek(0)
        with tempfile.NamedTemporaryFile(dir=self.target.parent) as file:
            shutil.copyfileobj(self.lines, file)
            file.flush()
            self.write_file(verify.MANIFEST, Path(file.name))
        return digest

    def write(self, name: str, data: bytes) -> None:
        raise NotImplementedError

    def write_file(self, name: str, path: Path) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """Close the bundle for more files."""

    def close(self) -> None:
        self.lines.close()

    def _remember(self, name: str, digest: str) -> None:
        self.lines.write(f"{digest}  {name}\n".encode("ascii"))
        self.count += 1


class _Folder(_Bundle):
    def __init__(self, target: Path) -> None:
        super().__init__(target)
        target.mkdir(mode=0o700)

    def write(self, name: str, data: bytes) -> None:
        path = self.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def write_file(self, name: str, path: Path) -> None:
        place = self.target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


class _Zip(_Bundle):
    def __init__(self, target: Path) -> None:
        super().__init__(target)
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self.file = os.fdopen(descriptor, "w+b")
        self.archive = zipfile.ZipFile(self.file, "w", zipfile.ZIP_DEFLATED)

    def write(self, name: str, data: bytes) -> None:
        self.archive.writestr(_info(name), data)

    def write_file(self, name: str, path: Path) -> None:
        info = _info(name)
        info.file_size = path.stat().st_size
        with path.open("rb") as source, self.archive.open(info, "w") as place:
            shutil.copyfileobj(source, place)

    def finish(self) -> None:
        # As long as the seal that replaces it: the signature covers its length.
        self.archive.comment = _zip_seal("0" * 64)
        self.archive.close()

    def close(self) -> None:
        super().close()
        self.archive.close()
        self.file.close()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, FIXED_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _fill(
    bundle: _Bundle, folder: Path, *, scope: Scope, progress: Callable[[int], object]
) -> Written:
    """Add everything in the scope to an open bundle and seal it."""
    for name in SHIPPED:
        bundle.add(name, (HERE / name).read_bytes())
    records = _Records(bundle, progress)
    bundle.add_lines("prescriptions.csv", records.rows(scope), folder=folder)
    for log in contents.logs(scope).iterator(chunk_size=5):
        bundle.add(f"logs/{log.public_id}.json", log.payload.encode())
    if scope.is_whole:
        add = bundle.add_lines
        add("audit/events.jsonl", contents.all_events(), folder=folder)
        add("audit/checkpoints.jsonl", contents.all_checkpoints(), folder=folder)
    # Made known here, so that a new key is among those that verify the seal.
    current = contents.public_key(signer.current_key())
    records.keys.setdefault(current["kid"], current)
    keys = {"keys": list(records.keys.values())}
    bundle.add(verify.KEYS, json.dumps(keys, indent=1).encode())
    return _seal(
        bundle, scope=scope, key_id=current["kid"], prescriptions=records.count
    )


class _Records:
    """Adds prescriptions to a bundle, and knows how many and with which keys."""

    def __init__(self, bundle: _Bundle, progress: Callable[[int], object]) -> None:
        self.bundle, self.progress = bundle, progress
        self.keys: dict[str, dict] = {}
        self.count = 0

    def rows(self, scope: Scope) -> Iterator[bytes]:
        """Add the records of a scope and yield the table that lists them."""
        yield spreadsheets.line(contents.CSV).encode()
        for entry in contents.entries(scope):
            _add_record(self.bundle, entry)
            self.keys[entry.key["kid"]] = entry.key
            yield spreadsheets.line(contents.csv_line(entry)).encode()
            self.count += 1
            self.progress(self.count)


def _add_record(bundle: _Bundle, entry: contents.Entry) -> None:
    place = f"records/{entry.prescription}"
    bundle.add(f"{place}/payload.json", entry.payload)
    bundle.add(f"{place}/signature.jws", entry.jws.encode("ascii"))
    if entry.xml is not None:
        bundle.add(f"{place}/message.xml", entry.xml)
    if entry.events:
        bundle.add(f"{place}/events.jsonl", entry.events)


def _seal(bundle: _Bundle, *, scope: Scope, key_id: str, prescriptions: int) -> Written:
    files, digest = bundle.count, bundle.add_manifest()
    seal = {
        "kind": verify.BUNDLE_KIND,
        "manifest": digest,
        "files": files,
        "prescriptions": prescriptions,
        "made_at": content.timestamp(timezone.now()),
        "source": settings.PORTAL_ORIGIN,
        "software": f"epcs-portal {releases.software_version()}",
        "key_id": key_id,
        "practice": scope.practice.name if scope.practice else None,
        "practitioner": str(scope.provider) if scope.provider else None,
        "first_day": scope.first_day.isoformat() if scope.first_day else None,
        "last_day": scope.last_day.isoformat() if scope.last_day else None,
    }
    bundle.write(verify.SEAL, signer.sign(content.encode(seal)).encode("ascii"))
    return Written(prescriptions=prescriptions, manifest_digest=digest)


def _zip_seal(digest: str) -> bytes:
    seal = {"kind": verify.ZIP_KIND, "sha256": digest}
    return signer.sign(content.encode(seal)).encode("ascii")


def _seal_zip(path: Path) -> None:
    """Sign all bytes of a zip file before its comment, and write the seal into that."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END) - len(_zip_seal("0" * 64))
        file.seek(0)
        digest, left = hashlib.sha256(), size
        while left and (chunk := file.read(min(verify.CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
        file.seek(size)
        file.write(_zip_seal(digest.hexdigest()))
