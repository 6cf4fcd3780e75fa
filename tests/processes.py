"""Start the stand-ins as the real processes that they are, and stop them again."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
START_TIME = 30  # seconds
SLOW_SECONDS = 0.8  # how long a stand-in told to be slow waits


@dataclass
class Server:
    """A running process that answers at `origin`."""

    origin: str
    process: subprocess.Popen
    log: Path

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port(*, in_a_row: int = 1) -> int:
    """Return a port that is free now, with those after it, to be taken a little later.

    Not one of those that the system hands out, which a client may have by then: below
    32768, where Linux begins. Each of pytest-xdist's processes has a range of its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    lowest = 20_000 + worker % 12 * 1_000
    for _ in range(50):
        port = lowest + secrets.randbelow(1_000 - in_a_row)
        if all(is_free(port + offset) for offset in range(in_a_row)):
            return port
    raise AssertionError(f"No {in_a_row} free ports in a row from {lowest} on.")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until_ready(server: Server) -> Server:
    """Return once /health/ready answers; fail with the log when it never does."""
    deadline = time.monotonic() + START_TIME
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if requests.get(f"{server.origin}/health/ready", timeout=2).ok:
                return server
        except requests.RequestException:
            time.sleep(0.1)
    server.process.kill()
    server.process.wait()
    raise AssertionError(f"{server.origin} did not start:\n{server.log.read_text()}")


def start_idme(
    folder: Path,
    *,
    world: Path,
    client_jwks_uri: str,
    redirect_uris: list[str],
    client_id: str = "portal",
    client_secret: str = "portal-secret",
    portal_origin: str = "http://localhost:8000",
    port: int | None = None,
    backchannel: bool = True,
    backchannel_interval: int = 5,
    slow_seconds: float = SLOW_SECONDS,
) -> Server:
    """Start the ID.me stand-in with a database of its own in `folder`."""
    port = port or free_port()
    settings = {
        "SANDBOX": "idme",
        "SANDBOX_ORIGIN": f"http://localhost:{port}",
        "DEMO_WORLD": str(world),
        "IDME_CLIENT_ID": client_id,
        "IDME_CLIENT_SECRET": client_secret,
        "IDME_REDIRECT_URIS": ",".join(redirect_uris),
        "IDME_CLIENT_JWKS_URI": client_jwks_uri,
        "PORTAL_ORIGIN": portal_origin,
        "IDME_BACKCHANNEL": "1" if backchannel else "0",
        "IDME_BACKCHANNEL_INTERVAL": str(backchannel_interval),
        "IDME_SLOW_SECONDS": str(slow_seconds),
    }
    return _start(folder, settings, port, before=["migrate", "seed_sandbox"])


def start_pharmacy(
    folder: Path,
    *,
    token: str = "network-token",
    slow_seconds: float = SLOW_SECONDS,
    port: int | None = None,
    portal: str = "",
) -> Server:
    """Start the pharmacy stand-in with a database of its own in `folder`."""
    settings = {
        "SANDBOX": "pharmacy",
        "SCRIPT_NETWORK_TOKEN": token,
        "PHARMACY_SLOW_SECONDS": str(slow_seconds),
        "PORTAL_SCRIPT_URL": f"{portal}/script/" if portal else "",
        "SCRIPT_INBOUND_TOKEN": "inbound-token",
    }
    return _start(folder, settings, port or free_port(), before=["migrate"])


def _start(folder: Path, settings: dict, port: int, *, before: list[str]) -> Server:
    role = settings["SANDBOX"]
    environment = os.environ | settings
    environment["SECRET_KEY"] = "tests-only-" + "s" * 50
    environment["SANDBOX_DATABASE"] = str(folder / f"{role}.sqlite3")
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    log = folder / f"{role}.log"
    for command in before:
        subprocess.run(
            [sys.executable, "-m", "sandbox", command, "-v0"],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "sandbox.wsgi"),
                *("-b", f"127.0.0.1:{port}", "--threads", "4"),
                *("--graceful-timeout", "1"),
            ],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return wait_until_ready(Server(f"http://localhost:{port}", process, log))
