"""npm's oidc-provider as a process on loopback, and a person with a browser at it."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
OLDEST_NODE = 20
INSTALL_TIME = 180  # seconds


def missing() -> str:
    """Return why the provider cannot run here, or nothing; install it at first."""
    if not shutil.which("node") or not shutil.which("npm"):
        return (
            "Node.js and npm were not found. The tests with oidc-provider do NOT run."
        )
    version = _output("node", "--version").removeprefix("v").partition(".")[0]
    if int(version) < OLDEST_NODE:
        return f"Node.js {OLDEST_NODE} or newer is needed for the oidc-provider tests."
    try:
        _install()
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return "npm could not install oidc-provider. The tests with it do NOT run."
    return ""


class OidcProvider:
    """One process, four issuers: basic, post, key and popup."""

    def __init__(self, *, port: int, log: Path, **config):
        self.origin = f"http://127.0.0.1:{port}"
        self.log, self._output = log, log.open("w")
        self._process = subprocess.Popen(
            ["node", "server.mjs"],
            cwd=HERE,
            env=os.environ | {"CONFIG": json.dumps({"port": port} | config)},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def issuer(self, method: str) -> str:
        return f"{self.origin}/{method}"

    def is_running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
        self._output.close()

    def admin(self, path: str, **body):
        response = requests.post(f"{self.origin}/admin/{path}", json=body, timeout=10)
        response.raise_for_status()
        return response.json()

    def messages(self) -> list[str]:
        """Return what the phone was asked to show, push by push."""
        return requests.get(f"{self.origin}/admin/pushes", timeout=10).json()


class Person:
    """Somebody with an account at the provider and a browser that stays signed in."""

    def __init__(self, provider: OidcProvider, subject: str):
        self.subject = subject
        self.asked_to_interact = 0
        self._origin = provider.origin
        self._browser = requests.Session()

    def visit(self, location: str, **answer) -> dict[str, str]:
        """Follow the provider's pages; return what it sends back to the portal."""
        while location.startswith(self._origin):
            if "/interaction/" in location:
                self.asked_to_interact += 1
                response = self._browser.post(
                    location, json=answer, allow_redirects=False, timeout=10
                )
            else:
                response = self._browser.get(
                    location, allow_redirects=False, timeout=10
                )
            assert response.is_redirect, response.text
            location = urljoin(location, response.headers["Location"])
        return dict(parse_qsl(urlsplit(location).query))

    def agree(self, location: str, **how) -> dict[str, str]:
        return self.visit(location, account=self.subject, **how)


def _install() -> None:
    """Install what the lock pins, once; other processes of the test run wait."""
    lock = HERE / "package-lock.json"
    with lock.open("rb") as pinned:
        fcntl.flock(pinned, fcntl.LOCK_EX)
        stamp = MODULES / ".installed"
        wanted = hashlib.sha256(pinned.read()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            _output("npm", "ci", "--ignore-scripts", "--no-audit", "--fetch-retries=1")
            stamp.write_text(wanted)


def _output(*command: str) -> str:
    return subprocess.run(
        command,
        cwd=HERE,
        check=True,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIME,
    ).stdout
