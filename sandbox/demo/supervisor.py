"""`make demo`: portal, ID.me stand-in, pharmacy and worker in the foreground."""

import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.demo import children, folder, plan
from sandbox.demo.children import ROOT, Child, Failed, say
from sandbox.demo.plan import Part

READY_WITHIN = 60  # seconds


def main() -> None:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    data = Path(os.environ.get("DEMO_DIR", ROOT / "var" / "demo")).resolve()
    port = os.environ.get("PORT", "8000")
    try:
        run(data, port=_first_of_three(port), stopping=stopping)
    except (Failed, folder.InUse) as problem:
        say(str(problem))
        sys.exit(1)


def run(data: Path, *, port: int, stopping: threading.Event) -> None:
    """Serve until told to stop; raise Failed when a part ends by itself."""
    running: list[Child] = []
    with folder.lock(data):
        world = folder.world_of(data)
        parts = plan.parts(data, port=port)
        try:
            _prepare_all(parts, stopping=stopping)
            for part in parts:
                if not stopping.is_set():
                    running.append(Child(part, part.serve))
            _watch(running, stopping=stopping, announcement=_box(data, port, world))
        finally:
            if running and stopping.is_set():
                say("Stopping.")
            children.end(running)


def _first_of_three(text: str) -> int:
    """Return the port, if it and the two after it are free."""
    if not text.isdecimal() or not 1024 <= int(text) <= 65533:
        raise Failed(f"PORT is {text!r}; give a number from 1024 to 65533.")
    for number in range(int(text), int(text) + 3):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                raise Failed(
                    f"Port {number} is taken. End what uses it, or choose three other "
                    "ports: make demo PORT=9000"
                ) from None
    return int(text)


def _prepare_all(parts: list[Part], *, stopping: threading.Event) -> None:
    """Prepare the parts at the same time: their data have nothing in common."""
    say("Preparing the data. The first time takes up to a minute.")
    with ThreadPoolExecutor(len(parts)) as pool:
        for prepared in [pool.submit(_prepare, part, stopping) for part in parts]:
            prepared.result()


def _prepare(part: Part, stopping: threading.Event) -> None:
    for command in part.prepare:
        if stopping.is_set():
            return
        code = Child(part, command).wait_unless(stopping)
        if code and not stopping.is_set():
            stopping.set()
            raise Failed(f"{' '.join(command[1:])} failed with exit code {code}.")


def _watch(
    running: list[Child], *, stopping: threading.Event, announcement: str
) -> None:
    def over() -> bool:
        return stopping.is_set() or any(child.has_ended() for child in running)

    for child in running:
        if child.part.port:
            children.wait_until_ready(child.part, within=READY_WITHIN, given_up=over)
    if not over():
        print(announcement, flush=True)
    watched = list(running)
    while not stopping.is_set():
        for child in [child for child in watched if child.has_ended()]:
            _tell_or_fail(child)
            watched.remove(child)
        stopping.wait(0.3)


def _tell_or_fail(child: Child) -> None:
    """Go on without a stand-in: what the portal does then is worth seeing."""
    code, name = child.process.returncode, child.part.name
    if not child.part.is_stand_in:
        raise Failed(f"{name} ended by itself with exit code {code}.")
    say(f"{name} ended with exit code {code}. The rest goes on without it; start the")
    say("demo again to bring it back.")


def _box(data: Path, port: int, world: dict) -> str:
    portal, idme, pharmacy = (f"http://localhost:{port + n}" for n in range(3))
    lines = [
        "EPCS Portal demo: all invented, not for live prescribing",
        "",
        f"Portal           {portal}/",
        f"Admin            {portal}/admin/",
        f"ID.me stand-in   {idme}/",
        f"Phone            {idme}/phone/   texts, codes and push requests",
        f"Switches         {idme}/switches/   let ID.me misbehave",
        f"Pharmacy         {pharmacy}/",
        f"Mail             {os.path.relpath(data / 'mail')}/",
        "",
        "Sign in as",
        "  nora.new       provider with nothing set up: the journey from zero",
        "  riley.ready    provider who can sign, by code or by push (RileyPush)",
        "  sam.staff      prepares prescriptions, never signs",
        "  alex.admin     administrator; code of AlexPhone",
        "  wren.west      provider at the other practice",
        f"Password         {world['password']}",
        "At ID.me the username is the e-mail address, nora.new@demo.example,",
        "with the same password. Codes are on the phone page.",
        "",
        f"Ctrl-C ends it. Remove {os.path.relpath(data)} to start from nothing.",
    ]
    width = max(map(len, lines))
    rule = "+" + "-" * (width + 2) + "+"
    return "\n".join([rule, *(f"| {line:<{width}} |" for line in lines), rule])
