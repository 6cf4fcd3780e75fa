"""Which addresses may reach real pharmacies: all but those that certainly do not."""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

# Names that lead nowhere outside, RFC 2606 and RFC 6761.
RESERVED = {"test", "example", "invalid", "localhost"}
# Programs parse unusual addresses differently, so an unusual one counts as live.
PLAIN = re.compile(
    r"https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
    r"(/[A-Za-z0-9._~/-]*)?"
)


def is_live(url: str, *, test_hosts: Collection[str] = ()) -> bool:
    """Return True if a prescription sent to this address could be dispensed."""
    if not url:
        return False
    if not PLAIN.fullmatch(url):
        return True
    host = urlsplit(url).hostname or ""
    return not (_is_loopback(host) or _is_reserved(host) or host in test_hosts)


def is_plain_https(url: str) -> bool:
    return url.startswith("https://") and PLAIN.fullmatch(url) is not None


def _is_reserved(host: str) -> bool:
    return host.rpartition(".")[2] in RESERVED


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
