"""The two files of FDA's NDC directory, read line by line from a folder or zip."""

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ENCODING = "cp1252"
LONGEST_LINE = 1 << 16  # bytes
NUL = "\0"  # PostgreSQL stores none
PRODUCTS, PACKAGES = "product.txt", "package.txt"
COLUMNS = {
    PRODUCTS: [
        "PRODUCTID",
        "PRODUCTNDC",
        "PRODUCTTYPENAME",
        "PROPRIETARYNAME",
        "PROPRIETARYNAMESUFFIX",
        "NONPROPRIETARYNAME",
        "DOSAGEFORMNAME",
        "ROUTENAME",
        "STARTMARKETINGDATE",
        "ENDMARKETINGDATE",
        "MARKETINGCATEGORYNAME",
        "APPLICATIONNUMBER",
        "LABELERNAME",
        "SUBSTANCENAME",
        "ACTIVE_NUMERATOR_STRENGTH",
        "ACTIVE_INGRED_UNIT",
        "PHARM_CLASSES",
        "DEASCHEDULE",
        "NDC_EXCLUDE_FLAG",
        "LISTING_RECORD_CERTIFIED_THROUGH",
    ],
    PACKAGES: [
        "PRODUCTID",
        "PRODUCTNDC",
        "NDCPACKAGECODE",
        "PACKAGEDESCRIPTION",
        "STARTMARKETINGDATE",
        "ENDMARKETINGDATE",
        "NDC_EXCLUDE_FLAG",
        "SAMPLE_PACKAGE",
    ],
}
NOT_A_ZIP = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError)


class NotReadable(Exception):
    """The directory is not in FDA's format; the message names file and line."""


class Refused(Exception):
    """A row that is not imported; the message says why."""


@dataclass(frozen=True)
class Row:
    """A line of a file, not yet parsed."""

    file: str
    line: int  # counted from 1, the header
    text: str

    @property
    def first(self) -> str:
        """The first field, which joins the rows of both files."""
        return self.text.partition("\t")[0].strip().replace(NUL, "")

    def values(self) -> dict[str, str]:
        """Return the fields by name; raise Refused."""
        if NUL in self.text:
            raise Refused("It has characters that cannot be printed.")
        columns, fields = COLUMNS[self.file], self.text.split("\t")
        if len(fields) != len(columns):
            raise Refused(f"It has {len(fields)} fields instead of {len(columns)}.")
        return dict(zip(columns, map(str.strip, fields), strict=True))


class Directory:
    """One edition of the directory."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def name(self) -> str:
        return self.path.resolve().name

    def rows(self, file: str, *, after: int = 1) -> Iterator[Row]:
        """Yield the rows after a line number; raise NotReadable."""
        for number, raw in self._lines(file):
            if number > after:
                yield Row(file, number, _decoded(raw, file, number))

    def examine(self) -> tuple[str, int]:
        """Read both files and return their digest and line count; raise NotReadable."""
        digest, lines = hashlib.sha256(), 0
        for file, columns in COLUMNS.items():
            header = None
            for number, raw in self._lines(file):
                digest.update(raw)
                text = _decoded(raw, file, number)
                header = header or text
                lines += 1
            _check_header(file, header, columns)
        return digest.hexdigest(), lines

    def _lines(self, file: str) -> Iterator[tuple[int, bytes]]:
        number = 0
        try:
            with self._open(file) as stream:
                while raw := stream.readline(LONGEST_LINE):
                    number += 1
                    if len(raw) == LONGEST_LINE:
                        raise NotReadable(f"{file}, line {number}: it never ends.")
                    yield number, raw
        except NOT_A_ZIP as problem:
            raise NotReadable(f"{file}: the zip is damaged ({problem}).") from None
        except OSError as problem:
            raise NotReadable(f"{file}: {problem}.") from None

    @contextmanager
    def _open(self, file: str) -> Iterator[IO[bytes]]:
        if self.path.is_dir():
            with (self.path / _member(file, self._in_folder())).open("rb") as stream:
                yield stream
            return
        with zipfile.ZipFile(self.path) as archive:
            member = _member(file, archive.namelist())
            with archive.open(member) as stream:
                yield stream

    def _in_folder(self) -> list[str]:
        return [entry.name for entry in self.path.iterdir() if entry.is_file()]


def _member(file: str, names: list[str]) -> str:
    matches = [name for name in names if name.rpartition("/")[2].lower() == file]
    if len(matches) != 1:
        raise NotReadable(f"There are {len(matches)} files named {file}, not one.")
    return matches[0]


def _decoded(raw: bytes, file: str, number: int) -> str:
    try:
        return raw.decode(ENCODING).rstrip("\r\n")
    except UnicodeDecodeError as problem:
        byte = raw[problem.start]
        raise NotReadable(
            f"{file}, line {number}: the byte 0x{byte:02x} is not {ENCODING}. "
            "Fetch the file again; nothing more was imported."
        ) from None


def _check_header(file: str, header: str | None, columns: list[str]) -> None:
    actual = [name.strip() for name in (header or "").split("\t")]
    if actual == columns:
        return
    missing = [name for name in columns if name not in actual]
    unknown = [name for name in actual if name not in columns]
    raise NotReadable(
        f"{file}, line 1: the columns are not FDA's. "
        f"Missing: {', '.join(missing) or 'none'}. "
        f"Unknown: {', '.join(unknown)[:100] or 'none'}."
    )
