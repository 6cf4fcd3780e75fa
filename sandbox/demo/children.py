"""Processes in the foreground: their lines under their names, and a clean end."""

import ctypes
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from sandbox.demo.plan import Part

ROOT = Path(__file__).resolve().parent.parent.parent
END_WITHIN = 15  # seconds, then they are killed
PR_SET_PDEATHSIG = 1  # prctl(2)
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_printing = threading.Lock()


class Failed(Exception):
    """A part could not be prepared, did not start, or ended by itself."""


class Child:
    """One running part."""

    def __init__(self, part: Part, command: list[str]):
        self.part = part
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=part.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C in the terminal reaches the supervisor only, which ends the parts.
            process_group=0,
            preexec_fn=_end_with_parent,
        )
        self._printer = threading.Thread(target=self._print_lines, daemon=True)
        self._printer.start()

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def wait(self) -> int:
        code = self.process.wait()
        self._printer.join()
        return code

    def wait_unless(self, given_up: threading.Event) -> int:
        """Return the exit code; end it at once when everything is given up."""
        while not (self.has_ended() or given_up.wait(0.1)):
            pass
        if given_up.is_set():
            end([self])
        return self.wait()

    def _print_lines(self) -> None:
        for line in self.process.stdout or []:
            say(line.rstrip("\n"), by=self.part.name)


def _end_with_parent() -> None:
    """Let Linux end this process when the supervisor is killed outright."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def say(line: str, *, by: str = "demo") -> None:
    with _printing:
        try:
            print(f"{by:<8} | {line}", flush=True)
        except BrokenPipeError:
            # Nobody reads any more; the parts must go on being read from.
            sys.stdout = sys.stderr


def answers(part: Part) -> str:
    """Return nothing when the part is ready, or else what it says."""
    try:
        with urllib.request.urlopen(part.ready_url, timeout=5):
            return ""
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}: {error.read(500).decode(errors='replace')}"
    except OSError as error:
        return str(error)


def wait_until_ready(
    part: Part, *, within: float, given_up: Callable[[], bool]
) -> None:
    """Return when the part answers or the wait was given up; raise Failed in time."""
    deadline = time.monotonic() + within
    while (problem := answers(part)) and not given_up():
        if time.monotonic() > deadline:
            raise Failed(f"{part.name} is not ready after {within:.0f} s: {problem}")
        time.sleep(0.2)


def end(children: list[Child]) -> None:
    """Ask all to end, the last one started first; kill what does not."""
    for child in reversed(children):
        if not child.has_ended():
            child.process.terminate()
    deadline = time.monotonic() + END_WITHIN
    for child in children:
        try:
            child.process.wait(timeout=max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"{child.part.name} did not end and was killed.")
            child.process.kill()
        child.wait()
