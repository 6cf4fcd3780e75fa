"""The demonstration as a user starts it: `python -m sandbox.demo`, on free ports."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

from sandbox.demo import plan
from tests.processes import ROOT, free_port

START_TIME = 240  # seconds, on a busy machine


class Demo:
    """A running demonstration; its data are in `folder`, its lines in `log`."""

    def __init__(self, folder: Path, *, port: int | None = None):
        self.folder = folder
        self.port = port or free_port(in_a_row=3)
        self.log = folder.with_suffix(".log")
        self.log.touch()
        self._read_from = self.log.stat().st_size
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.demo"],
                cwd=ROOT,
                env=os.environ | {"DEMO_DIR": str(folder), "PORT": str(self.port)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def portal(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def idme(self) -> str:
        return f"http://localhost:{self.port + 1}"

    @property
    def pharmacy(self) -> str:
        return f"http://localhost:{self.port + 2}"

    @property
    def world(self) -> dict:
        return json.loads((self.folder / "world.json").read_text())

    @property
    def password(self) -> str:
        return self.world["password"]

    def account(self, key: str) -> dict:
        """Return somebody at ID.me: ready, new, admin or west."""
        accounts = self.world["idme"]["accounts"]
        return next(account for account in accounts if account["key"] == key)

    def wait_until_ready(self) -> "Demo":
        deadline = time.monotonic() + START_TIME
        while time.monotonic() < deadline and self.process.poll() is None:
            if "Ctrl-C ends it" in self.printed() and self.answers():
                return self
            time.sleep(0.2)
        self.stop()
        raise AssertionError(f"The demo did not start:\n{self.printed()}")

    def printed(self) -> str:
        """Return what this start has printed; earlier ones wrote to the same file."""
        return self.log.read_bytes()[self._read_from :].decode()

    def answers(self) -> bool:
        try:
            return all(
                requests.get(f"{origin}/health/ready", timeout=5).ok
                for origin in (self.portal, self.idme, self.pharmacy)
            )
        except requests.ConnectionError:
            return False

    def child(self, word: str) -> int:
        """Return the process of a part, by a word of its command; Linux only."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in children}
        return next(int(pid) for pid, command in commands.items() if word in command)

    def portal_environment(self) -> dict[str, str]:
        parts = plan.parts(self.folder, port=self.port)
        return next(part for part in parts if part.name == "portal").environment

    def stop(self, number: int = signal.SIGTERM, *, within: float = 40) -> int:
        """End it as Ctrl-C or a service manager does; return the exit code."""
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
