#!/usr/bin/env python3
"""Verify a bundle of signed prescriptions; needs Python 3.11 and `cryptography`.

    python verify.py [BUNDLE] [--key-thumbprint THUMBPRINT]

BUNDLE is a folder or a zip file; without it, the folder of this file. README.txt says
what is checked. Ends with status 1 and the name of each bad file when anything is wrong.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import struct
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

BUNDLE_KIND = "epcs-portal bundle 1"
ZIP_KIND = "epcs-portal zip file 1"
SEAL, MANIFEST, KEYS = "SEAL.jws", "MANIFEST.txt", "KEYS.json"
RECORD_FILES = {"payload.json", "signature.jws", "message.xml", "events.jsonl"}
# What reading bytes can raise that somebody changed.
UNREADABLE: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
)
UNREADABLE += (RuntimeError, ArithmeticError, struct.error, zlib.error)
UNREADABLE += (zipfile.BadZipFile,)
SCHEDULES = {"II": "C48675", "III": "C48676", "IV": "C48677", "V": "C48679"}
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
CHUNK = 1 << 20  # bytes
LARGEST = 4 << 20  # bytes of the seal, and of the keys
LONGEST_LINE = 4096  # bytes, in the list of files
UNDER_WAY = timedelta(minutes=5)  # a signature that began before its key was retired


Keys = dict[str, dict]  # JWKs, by their ids
Element = tuple[str, str]  # the path of an XML element, and its text


class Bad(Exception):
    """A file is not as it was sealed, or does not agree with the others."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name


class Seal(NamedTuple):
    """The signature over the list of files, and what it says."""

    text: str
    header: dict
    content: dict
    manifest: str
    kind: str


@dataclass
class Report:
    """What was checked, and what is wrong with it."""

    problems: list[str] = field(default_factory=list)
    seal: dict = field(default_factory=dict)
    sealed_with: str = ""  # thumbprint of the key
    signed_with: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)  # of each file, by its name
    records: list[str] = field(default_factory=list)
    events: int = 0


class Folder:
    """A bundle as a folder of files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> Iterator[str]:
        for entry in sorted(self.path.rglob("*")):
            name = entry.relative_to(self.path).as_posix()
            if entry.is_symlink():
                raise Bad(name, "a link, and not a file")
            if entry.is_file():
                yield name
            elif not entry.is_dir() or not any(entry.iterdir()):
                yield f"{name}/"

    def open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")

    def close(self) -> None:
        """Nothing is held open."""


class Zip:
    """A bundle as one zip file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.archive = zipfile.ZipFile(path)

    def names(self) -> Iterator[str]:
        yield from self.archive.namelist()

    def open(self, name: str) -> IO[bytes]:
        info = self.archive.getinfo(name)
        if info.flag_bits & 1 or info.compress_type not in METHODS:
            raise ValueError("encrypted, or packed in another way")
        return self.archive.open(info)

    def close(self) -> None:
        self.archive.close()


Source = Folder | Zip


def open_bundle(path: Path) -> Source:
    """Return a bundle to read; raise Bad."""
    if path.is_dir():
        return Folder(path)
    try:
        return Zip(path)
    except UNREADABLE as error:
        raise Bad(path.name, f"neither a folder nor a zip file ({error})") from None


def check(path: Path, *, thumbprints: list[str] | None = None) -> Report:
    """Return what was checked; the bundle verifies if the report lists no problem."""
    report = Report()
    try:
        source = open_bundle(path)
    except Bad as bad:
        report.problems.append(escape(str(bad)))
        return report
    with contextlib.closing(source):
        _check(source, report, thumbprints or [])
    report.problems = [escape(problem) for problem in report.problems]
    return report


def _check(source: Source, report: Report, thumbprints: list[str]) -> None:
    try:
        keys = _check_seal(source, report, thumbprints)
        _check_names(source, report)
        _check_digests(source, report)
        if isinstance(source, Zip):
            _check_zip(source, keys, report)
    except Bad as bad:
        report.problems.append(str(bad))
        return
    except UNREADABLE as error:
        report.problems.append(f"{source.path.name}: cannot be read ({error!r})")
        return
    for folder in report.records:
        _collect(report, _check_record, source, folder, keys)
    if "audit/events.jsonl" in report.digests:
        _collect(report, _check_events, source, "audit/events.jsonl")


def _collect(
    report: Report,
    check_one: Callable[..., None],
    source: Source,
    name: str,
    *rest: object,
) -> None:
    try:
        check_one(source, name, *rest, report)
    except Bad as bad:
        report.problems.append(str(bad))
    except UNREADABLE as error:
        report.problems.append(f"{name}: cannot be read ({error!r})")


# The seal: a signature over the digest of the list of files


def _check_seal(source: Source, report: Report, thumbprints: list[str]) -> Keys:
    """Check the seal and its key, put both into the report, and return all keys."""
    manifest = _digest(source, MANIFEST)
    seal = _read_seal(source)
    try:
        keys = _read_keys(source)
        key = keys[seal.header["kid"]]
    except UNREADABLE as error:
        raise _bad_keys_or_seal(source, f"cannot be used ({error!r})") from None
    if not is_signed(seal.text, key) or seal.kind != BUNDLE_KIND:
        raise _bad_keys_or_seal(source, "is not the one that sealed this")
    if seal.manifest != manifest:
        raise Bad(MANIFEST, "is not as it was sealed")
    report.seal, report.sealed_with = seal.content, _thumbprint(key)
    if thumbprints and report.sealed_with not in thumbprints:
        raise Bad(SEAL, f"sealed with key {report.sealed_with}, not the one named")
    report.digests = _read_manifest(source)
    return keys


def _read_seal(source: Source) -> Seal:
    """Return the seal, which nobody has vouched for yet."""
    data = _read_small(source, SEAL)
    try:
        text = data.decode("ascii")
        header, payload, _ = parts(text)
        content = json.loads(payload)
        return Seal(text, header, content, content["manifest"], content["kind"])
    except UNREADABLE as error:
        raise Bad(SEAL, f"cannot be read ({error!r})") from None


def _read_keys(source: Source) -> Keys:
    """Return the keys by their ids; raise ValueError if an id is not a thumbprint."""
    listed = json.loads(_read_small(source, KEYS))["keys"]
    keys = {key["kid"]: key for key in listed}
    if any(_thumbprint(key) != kid for kid, key in keys.items()):
        raise ValueError("a key id is not the thumbprint of its key")
    return keys


def _read_manifest(source: Source) -> dict[str, str]:
    """Return the digest of each file by its name."""
    digests = {}
    for line in _read(source, MANIFEST).decode("ascii").splitlines():
        digest, _, name = line.partition("  ")
        digests[name] = digest
    return digests


def _bad_keys_or_seal(source: Source, problem: str) -> Bad:
    """Blame the keys if they do not fit the list of files, or else the seal."""
    try:
        listed = _listed(source, KEYS)
    except UNREADABLE:
        return Bad(MANIFEST, "cannot be read")
    if listed != _digest(source, KEYS):
        return Bad(KEYS, problem)
    return Bad(SEAL, "its signature does not match")


def _listed(source: Source, name: str) -> str:
    """Return the digest of a file by the list of files; empty if it is not listed."""
    with source.open(MANIFEST) as file:
        while line := file.readline(LONGEST_LINE):
            digest, _, listed = line.decode("ascii").rstrip("\r\n").partition("  ")
            if listed == name:
                return digest
    return ""


def _check_names(source: Source, report: Report) -> None:
    present = list(source.names())
    expected = {*report.digests, MANIFEST, SEAL}
    extra = sorted(set(present) - expected)
    missing = sorted(expected - set(present))
    report.problems += [f"{name}: is missing" for name in missing]
    report.problems += [f"{name}: does not belong here" for name in extra]
    if len(present) != len(set(present)):
        raise Bad(str(source.path.name), "holds a file twice")
    if extra or missing:
        raise Bad("the bundle", "files were added or removed")
    folders = {name.rpartition("/")[0] for name in present}
    report.records = sorted(name for name in folders if name.startswith("records/"))
    if len(report.records) != report.seal["prescriptions"]:
        raise Bad(MANIFEST, "does not list as many prescriptions as were sealed")


def _check_digests(source: Source, report: Report) -> None:
    for name, digest in report.digests.items():
        if _digest(source, name) != digest:
            report.problems.append(f"{name}: is not as it was sealed")
    if report.problems:
        raise Bad("the bundle", "nothing in it can be relied on")


def _check_zip(source: Zip, keys: Keys, report: Report) -> None:
    """Check the signature in its comment, which covers every byte before that."""
    name, comment = source.path.name, source.archive.comment
    digest, left = hashlib.sha256(), source.path.stat().st_size - len(comment)
    with source.path.open("rb") as file:
        while left and (chunk := file.read(min(CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
    try:
        text = comment.decode("ascii")
        payload = json.loads(parts(text)[1])
    except UNREADABLE:
        raise Bad(name, "the seal of the zip file cannot be read") from None
    sealed = {"kind": ZIP_KIND, "sha256": digest.hexdigest()}
    if payload != sealed or not is_signed(text, keys[report.seal["key_id"]]):
        raise Bad(name, "the zip file itself is not as it was sealed")


# A prescription


def _check_record(source: Source, folder: str, keys: Keys, report: Report) -> None:
    files = {
        name.rpartition("/")[2]: name
        for name in report.digests
        if name.startswith(f"{folder}/")
    }
    if not {"payload.json", "signature.jws"} <= files.keys() <= RECORD_FILES:
        raise Bad(folder, "does not hold the files of a prescription")
    payload = _read(source, files["payload.json"])
    key = _check_signature(source, files, payload, keys)
    record = json.loads(payload)
    report.signed_with.add(key["kid"])
    _check_payload(files["payload.json"], folder, payload, record)
    if record["key_id"] != key["kid"]:
        raise Bad(files["signature.jws"], "was made with another key than it says")
    if not _was_in_use(key, record["signed_at"]):
        raise Bad(files["payload.json"], "was signed while its key was not in use")
    if "message.xml" in files:
        xml = _read(source, files["message.xml"])
        _check_message(files["message.xml"], xml, record)
    if "events.jsonl" in files:
        _check_events(source, files["events.jsonl"], report)


def _check_signature(
    source: Source, files: dict[str, str], payload: bytes, keys: Keys
) -> dict:
    """Check the signature over a payload and return the key that made it."""
    signature = _read(source, files["signature.jws"]).decode("ascii")
    header, signed, _ = parts(signature)
    key = keys.get(header["kid"])
    if key is None or not is_signed(signature, key):
        raise Bad(files["signature.jws"], "the signature does not match")
    if signed != payload:
        raise Bad(files["payload.json"], "is not what was signed")
    return key


def _check_payload(name: str, folder: str, payload: bytes, record: dict) -> None:
    if _canonical(record) != payload:
        raise Bad(name, "is not canonical JSON")
    content = record["content"]
    digest = hashlib.sha256(_canonical(content)).hexdigest()
    if digest != record["content_digest"]:
        raise Bad(name, "the digest in it is of other content")
    if folder != f"records/{content['prescription']}":
        raise Bad(name, "is not of the prescription that its folder names")


def _was_in_use(key: dict, signed_at: str) -> bool:
    at = datetime.fromisoformat(signed_at)
    until = key.get("retired_at")
    return datetime.fromisoformat(key["activated_at"]) <= at + UNDER_WAY and (
        until is None or at - UNDER_WAY <= datetime.fromisoformat(until)
    )


# The message to the pharmacy, element by element


def _check_message(name: str, xml: bytes, record: dict) -> None:
    text = xml.decode("utf-8")
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise Bad(name, "has a document type, which no prescription needs")
    try:
        # The encoding is given, so that no declaration in the message chooses one.
        parser = ElementTree.XMLParser(encoding="utf-8")  # noqa: S314
        root = ElementTree.fromstring(xml, parser)  # noqa: S314
    except ElementTree.ParseError as error:
        raise Bad(name, f"is not XML ({error})") from None
    product = "Product/" if root.get("TransactionVersion") == "2023011" else ""
    for path, expected in _expected_elements(record, product):
        steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
        texts = [element.text or "" for element in root.findall(steps)]
        if texts != ([expected] if expected else []):
            raise Bad(name, f"{path} is not what was signed")


def _expected_elements(record: dict, product: str) -> Iterator[Element]:
    """Yield the path of each element and the text signed for it; empty: no element.

    `product` is the prefix of the elements that name the drug, where the version has one.
    """
    content = record["content"]
    order = "Body/NewRx"
    yield "Header/MessageID", record["message_id"]
    yield "Header/SentTime", record["signed_at"]
    yield "Header/To", content["pharmacy"]["ncpdp_id"]
    yield "Header/DigitalSignature/DigitalSignatureIndicator", "true"
    yield from _patient(f"{order}/Patient/HumanPatient", content["patient"])
    yield from _pharmacy(f"{order}/Pharmacy", content["pharmacy"])
    prescriber = f"{order}/Prescriber/NonVeterinarian"
    yield from _practitioner(prescriber, content["prescriber"])
    yield f"{prescriber}/PracticeLocation/BusinessName", content["practice"]["name"]
    yield from _place(prescriber, content["practice"])
    yield from _person(f"{prescriber}/PrescriberAgent", _agent(record))
    supervisor = f"{order}/Supervisor/NonVeterinarian"
    yield from _practitioner(supervisor, content.get("supervisor") or {})
    yield from _medication(f"{order}/MedicationPrescribed", product, content)


def _patient(path: str, patient: dict) -> Iterator[Element]:
    yield from _person(path, patient)
    yield f"{path}/Gender", patient["sex"]
    yield f"{path}/DateOfBirth/Date", patient["date_of_birth"]
    yield from _place(path, patient)


def _pharmacy(path: str, pharmacy: dict) -> Iterator[Element]:
    yield f"{path}/Identification/NCPDPID", pharmacy["ncpdp_id"]
    yield f"{path}/Identification/NPI", pharmacy["npi"]
    yield f"{path}/BusinessName", pharmacy["name"]
    yield from _place(path, pharmacy)


def _medication(path: str, product: str, content: dict) -> Iterator[Element]:
    drug = content["drug"]
    yield f"{path}/{product}DrugDescription", drug["name"]
    yield f"{path}/{product}DrugCoded/ProductCode/Code", drug["ndc"]
    schedule = SCHEDULES[drug["schedule"]]
    yield f"{path}/{product}DrugCoded/DEASchedule/Code", schedule
    yield f"{path}/Quantity/Value", content["quantity"]
    yield f"{path}/Quantity/QuantityUnitOfMeasure/Code", drug["unit_code"]
    yield f"{path}/DaysSupply", str(content["days_supply"] or "")
    yield f"{path}/WrittenDate/Date", content["issued_on"]
    allowed = "0" if content["substitutions_allowed"] else "1"
    yield f"{path}/Substitutions", allowed
    yield f"{path}/NumberOfRefills", str(content["refills"])
    yield f"{path}/Note", _note(content)
    yield f"{path}/Sig/SigText", content["directions"]
    earliest = f"{path}/OtherMedicationDate/OtherMedicationDate/Date"
    yield earliest, content["earliest_fill_on"] or ""


def _person(path: str, person: dict) -> Iterator[Element]:
    yield f"{path}/Name/LastName", person.get("last_name", "")
    yield f"{path}/Name/FirstName", person.get("first_name", "")
    yield f"{path}/Name/Suffix", person.get("credentials", "")


def _practitioner(path: str, person: dict) -> Iterator[Element]:
    yield f"{path}/Identification/DEANumber", person.get("dea_number", "")
    yield f"{path}/Identification/NPI", person.get("npi", "")
    yield from _person(path, person)


def _place(path: str, place: dict) -> Iterator[Element]:
    address = place["address"]
    yield f"{path}/Address/AddressLine1", address["line_1"]
    yield f"{path}/Address/AddressLine2", address["line_2"]
    yield f"{path}/Address/City", address["city"]
    yield f"{path}/Address/StateProvince", address["state"]
    yield f"{path}/Address/PostalCode", address["postal_code"]
    phone = f"{path}/CommunicationNumbers/PrimaryTelephone/Number"
    yield phone, place["phone"]


def _agent(record: dict) -> dict:
    """Return who prepared it for the practitioner; format 1 has no agent in XML."""
    content, person = record["content"], record["content"]["prepared_by"]
    if content["format"] == 1 or person["username"] == record["signer"]:
        return {}
    last_name = person["last_name"] or person["username"]
    return {"last_name": last_name, "first_name": person["first_name"]}


def _note(content: dict) -> str:
    ordered_on = content.get("emergency_oral_on")
    part, unit = content.get("partial_fill_quantity"), content["drug"]["unit"]
    emergency = f"Authorization for Emergency Dispensing, oral order of {ordered_on}."
    parts = [
        emergency if ordered_on else "",
        f"Each partial fill: {part} {unit}." if part else "",
        content["note"],
    ]
    return " ".join(filter(None, parts))


# The record of what happened


def _check_events(source: Source, name: str, report: Report) -> None:
    """Check that each event is canonical, in order, and follows the one it names."""
    last: dict[str, Any] = {}
    is_whole = name.startswith("audit/")
    with source.open(name) as file:
        for number, line in enumerate(file, start=1):
            event = json.loads(line)
            if _canonical(event) + b"\n" != line:
                raise Bad(name, f"line {number} is not canonical JSON")
            if problem := _out_of_order(event, last, is_whole):
                raise Bad(name, f"line {number} {problem}")
            last = event
            # Those of a prescription are also in the whole trail, if that is here.
            report.events += is_whole or "audit/events.jsonl" not in report.digests


def _out_of_order(event: dict, last: dict, is_whole: bool) -> str:
    """Return why an event does not follow the last one; empty if it does."""
    stream, sequence = event["stream"], event["sequence"]
    last_stream, last_sequence = last.get("stream", ""), last.get("sequence", 0)
    follows = stream == last_stream and sequence == last_sequence + 1
    if (stream, sequence) <= (last_stream, last_sequence):
        return "is out of order"
    if is_whole and not follows and (stream == last_stream or sequence != 1):
        return "does not follow: events are missing before it"
    if follows and event["previous_hash"] != last["hash"]:
        return "does not follow the event before it"
    is_first = sequence == 1
    return "" if is_first == (event["previous_hash"] == "") else "is no beginning"


# Formats


def is_signed(jws: str, key: dict) -> bool:
    """Return True if a compact JWS (RFC 7515) verifies with a P-256 key (ES256)."""
    header, _, signature = parts(jws)
    if header.get("alg") != "ES256" or (key["kty"], key["crv"]) != ("EC", "P-256"):
        return False
    if "crit" in header:  # RFC 7515 4.1.11: nothing of it is understood here
        return False
    x, y = (int.from_bytes(_bytes(key[name]), "big") for name in "xy")
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    signed = jws.rpartition(".")[0].encode("ascii")
    try:
        public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        der = utils.encode_dss_signature(r, s)
        public.verify(der, signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return len(signature) == 64


def parts(jws: str) -> tuple[dict, bytes, bytes]:
    """Return the header, the payload and the signature; raise one of UNREADABLE."""
    header, payload, signature = jws.split(".")
    return json.loads(_bytes(header)), _bytes(payload), _bytes(signature)


def _bytes(text: str) -> bytes:
    """Decode base64url strictly: only one text stands for any bytes."""
    decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != text:
        raise ValueError("not base64url")
    return decoded


def _thumbprint(key: dict) -> str:
    """Return the thumbprint of a key (RFC 7638)."""
    members = {name: key[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(_canonical(members)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _canonical(value: Any) -> bytes:
    """Encode by RFC 8785 what bundles hold: no fractions, and only ASCII names."""
    _refuse_fractions(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8")


def _refuse_fractions(value: Any) -> None:
    if isinstance(value, float):
        raise ValueError("a fraction")
    if isinstance(value, dict):
        if not all(name.isascii() for name in value):
            raise ValueError("a name that is not ASCII")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _refuse_fractions(item)


def _read(source: Source, name: str) -> bytes:
    try:
        with source.open(name) as file:
            return file.read()
    except UNREADABLE as error:
        raise Bad(name, f"is missing or cannot be read ({error})") from None


def _read_small(source: Source, name: str) -> bytes:
    """Read a file that is not verified yet, and never more than fits into memory."""
    try:
        with source.open(name) as file:
            data = file.read(LARGEST + 1)
    except UNREADABLE as error:
        raise Bad(name, f"is missing or cannot be read ({error})") from None
    if len(data) > LARGEST:
        raise Bad(name, "is larger than any such file")
    return data


def _digest(source: Source, name: str) -> str:
    digest = hashlib.sha256()
    try:
        with source.open(name) as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except UNREADABLE as error:
        raise Bad(name, f"is missing or cannot be read ({error})") from None
    return digest.hexdigest()


def escape(text: str) -> str:
    """Return text on one line, without control characters for the terminal."""
    return text.encode("unicode_escape").decode("ascii")


def main(arguments: list[str] | None = None) -> int:
    """Verify the bundle that the command line names; return the exit status."""
    parser = argparse.ArgumentParser(description="Verify a bundle of prescriptions.")
    here = Path(__file__).resolve().parent
    parser.add_argument("bundle", nargs="?", type=Path, default=here)
    parser.add_argument("--key-thumbprint", action="append", default=[])
    options = parser.parse_args(arguments)
    report = check(options.bundle, thumbprints=options.key_thumbprint)
    for problem in report.problems:
        print(f"BAD {problem}")  # noqa: T201
    if report.problems:
        print(f"NOT VERIFIED: {len(report.problems)} problems.")  # noqa: T201
        return 1
    _print_verified(report, key_was_named=bool(options.key_thumbprint))
    return 0


def _print_verified(report: Report, *, key_was_named: bool) -> None:
    seal = report.seal
    print(  # noqa: T201
        f"VERIFIED: {len(report.records)} prescriptions, {len(report.digests)} files,"
        f" {report.events} events.\n"
        f"From {escape(str(seal['source']))}, made {escape(str(seal['made_at']))}.\n"
        f"Sealed with key {report.sealed_with}."
    )
    for kid in sorted(report.signed_with):
        print(f"Prescriptions were signed with key {kid}.")  # noqa: T201
    if not key_was_named:
        print(  # noqa: T201
            "Compare these key ids with those that the portal publishes or told you:\n"
            "a bundle cannot vouch for its own keys. See README.txt."
        )


if __name__ == "__main__":
    sys.exit(main())
