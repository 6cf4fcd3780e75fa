"""ID.me's device list, read strictly: all of it or nothing. No HTTP, no database."""

from dataclasses import dataclass, field

from audit.reasons import Reason
from mfa import totp
from mfa.models import Kind

KINDS = {
    "code_generator": Kind.CODE_GENERATOR,
    "push": Kind.PUSH,
    "text": Kind.TEXT,
    "phone": Kind.PHONE,
    "email": Kind.EMAIL,
    "passkey": Kind.PASSKEY,
}
MAX_DEVICES = 50
MAX_ID = 100
MAX_SECRET = 128
MAX_NAME = 64


class Malformed(Exception):
    """The list is refused as a whole; the message is the reason to record."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class ListedDevice:
    """One device of ID.me's list."""

    external_id: str
    kind: Kind
    name: str
    seed: bytes | None = field(default=None, repr=False)


def read(entries: object) -> list[ListedDevice]:
    """Return the devices in the claim; raise Malformed on doubt about any of them."""
    if not isinstance(entries, list) or len(entries) > MAX_DEVICES:
        raise Malformed(Reason.NOT_A_LIST)
    devices = [_read_device(entry) for entry in entries]
    ids = {device.external_id for device in devices}
    seeds = [device.seed for device in devices if device.seed is not None]
    if len(ids) < len(devices):
        raise Malformed(Reason.DUPLICATE_ID)
    if len(set(seeds)) < len(seeds):
        raise Malformed(Reason.DUPLICATE_SEED)
    return devices


def _read_device(entry: object) -> ListedDevice:
    if not isinstance(entry, dict):
        raise Malformed(Reason.NOT_AN_OBJECT)
    external_id = entry.get("id")
    name = entry.get("name", "")
    if not isinstance(external_id, str) or not 0 < len(external_id) <= MAX_ID:
        raise Malformed(Reason.DEVICE_ID)
    if not isinstance(name, str) or not isinstance(entry.get("type"), str):
        raise Malformed(Reason.NAME_OR_TYPE)
    kind = KINDS.get(entry["type"], Kind.OTHER)
    return ListedDevice(
        external_id=external_id,
        kind=kind,
        name=_clean(name) or str(kind.label),
        seed=_seed_of(entry) if kind == Kind.CODE_GENERATOR else None,
    )


def _seed_of(entry: dict) -> bytes:
    """Return the seed of a generator with SHA-1, 6 digits and 30 seconds."""
    secret = entry.get("secret")
    digits, period = entry.get("digits", totp.DIGITS), entry.get("period", totp.PERIOD)
    if entry.get("algorithm", "SHA1") != "SHA1":
        raise Malformed(Reason.ALGORITHM)
    if type(digits) is not int or digits != totp.DIGITS:
        raise Malformed(Reason.DIGITS)
    if type(period) is not int or period != totp.PERIOD:
        raise Malformed(Reason.PERIOD)
    if not isinstance(secret, str) or len(secret) > MAX_SECRET:
        raise Malformed(Reason.SECRET)
    try:
        return totp.from_base32(secret)
    except (ValueError, TypeError):
        raise Malformed(Reason.SECRET) from None


def _clean(name: str) -> str:
    """Return a name on one line, without control or direction characters."""
    printable = "".join(filter(str.isprintable, " ".join(name.split())))
    return " ".join(printable.split())[:MAX_NAME].strip()
