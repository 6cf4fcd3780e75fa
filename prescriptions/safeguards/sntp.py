"""A client of the Simple Network Time Protocol (RFC 4330 5, RFC 5905 14).

A reply counts only if it answers this request.
"""

import secrets
import socket
import struct
import time
from urllib.parse import urlsplit

PORT = 123
PACKET = struct.Struct("!BBbb11I")  # 48 bytes
VERSION, CLIENT, SERVER = 4, 3, 4
NOT_SYNCHRONIZED = 3  # leap indicator
STRATA = range(1, 16)  # 0 is a kiss-o'-death packet, 16 and more are not synchronized
EPOCH = 2208988800  # seconds from 1900 to 1970
ERA = 2**32  # seconds after which timestamps wrap, first in 2036
LONGEST_DELAY = 2.0  # seconds of round trip


class NoTime(Exception):
    """The server gave no reliable time; the message says why."""


def offset_of(server: str, *, timeout: float) -> float:
    """Return the seconds this clock is behind the server (RFC 4330); raise NoTime."""
    request = secrets.token_bytes(8)  # instead of our time, which stays private
    try:
        answer, sent_at, took = _query(server, request=request, timeout=timeout)
    except (OSError, ValueError) as problem:
        raise NoTime(f"{server} did not answer: {problem}.") from None
    return _offset(answer, request=request, sent_at=sent_at, took=took)


def _query(
    server: str, *, request: bytes, timeout: float
) -> tuple[bytes, float, float]:
    place = urlsplit(f"//{server}")
    family, kind, protocol, _, address = socket.getaddrinfo(
        place.hostname, place.port or PORT, type=socket.SOCK_DGRAM
    )[0]
    with socket.socket(family, kind, protocol) as connection:
        connection.settimeout(timeout)
        connection.connect(address)  # datagrams of other servers are dropped
        sent_at, started = time.time(), time.monotonic()
        connection.send(bytes([VERSION << 3 | CLIENT]) + bytes(39) + request)
        return connection.recv(1024), sent_at, time.monotonic() - started


def _offset(answer: bytes, *, request: bytes, sent_at: float, took: float) -> float:
    if len(answer) < PACKET.size:
        raise NoTime("The answer is too short.")
    first, stratum, *_, received, received_part, sent, sent_part = PACKET.unpack_from(
        answer
    )
    if answer[24:32] != request:
        raise NoTime("The answer is to another request.")
    if first & 7 != SERVER or first >> 3 & 7 not in {3, VERSION}:
        raise NoTime("The answer is not one of a time server.")
    if first >> 6 == NOT_SYNCHRONIZED or stratum not in STRATA:
        raise NoTime("The server is not synchronized or wants no questions.")
    if not (received and sent) or took > LONGEST_DELAY:
        raise NoTime("The answer holds no time or took too long.")
    ahead = _since(sent_at, received, received_part)
    behind = _since(sent_at + took, sent, sent_part)
    return (ahead + behind) / 2


def _since(local: float, seconds: int, part: int) -> float:
    """Return a timestamp minus local time, in seconds, in the nearest era."""
    difference = (seconds - EPOCH - int(local)) % ERA
    if difference >= ERA // 2:
        difference -= ERA
    return difference + part / ERA - local % 1
