"""A time server on this machine that says what a test wants, also what it must not."""

import socket
import struct
import threading
import time
from dataclasses import dataclass, field

EPOCH = 2208988800  # seconds from 1900 to 1970


@dataclass
class TimeServer:
    ahead: float = 0.0  # seconds
    leap: int = 0
    version: int = 4
    mode: int = 4
    stratum: int = 1
    originate: bytes | None = None
    transmit: int | None = None
    length: int = 48
    is_silent: bool = False
    asked: list[bytes] = field(default_factory=list)

    def __enter__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self):
        while not self._stopping.is_set():
            try:
                request, client = self._socket.recvfrom(1024)
            except TimeoutError:
                continue
            self.asked.append(request)
            if not self.is_silent:
                self._socket.sendto(self._answer(request)[: self.length], client)

    def _answer(self, request: bytes) -> bytes:
        now = time.time() + self.ahead + EPOCH
        seconds, part = int(now) % 2**32, int(now % 1 * 2**32)
        first = self.leap << 6 | self.version << 3 | self.mode
        return struct.pack(
            "!BBbb3I2I8s2I2I",
            first, self.stratum, 6, -20, 0, 0, 0, seconds, part,
            request[40:48] if self.originate is None else self.originate,
            seconds, part,
            seconds if self.transmit is None else self.transmit, part,
        )  # fmt: skip
