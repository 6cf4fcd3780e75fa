"""Which processes make up the demonstration, and what each is told by environment."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.demo import folder

# Settings are made here; one left over in the shell must not reach the demonstration.
PASSED_ON = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"]


@dataclass(frozen=True)
class Part:
    """One process, and the commands that prepare its data before it starts."""

    name: str
    environment: dict[str, str]
    prepare: list[list[str]]
    serve: list[str]
    port: int | None = None
    is_stand_in: bool = False  # what the portal goes on without

    @property
    def ready_url(self) -> str:
        return f"http://localhost:{self.port}/health/ready"


def parts(data: Path, *, port: int) -> list[Part]:
    """Return the parts in the order in which they start."""
    secrets = folder.secrets_of(data)
    portal = _portal_environment(data, secrets=secrets, port=port)
    return [
        _stand_in("idme", _idme_environment(data, secrets, port=port), port=port + 1),
        _stand_in(
            "pharmacy", _pharmacy_environment(data, secrets, port=port), port=port + 2
        ),
        Part(
            name="portal",
            environment=portal,
            prepare=_portal_preparations(data),
            serve=_gunicorn("epcs_portal.wsgi", port=port),
            port=port,
        ),
        Part(
            name="worker",
            environment=portal,
            prepare=[],
            serve=[sys.executable, "manage.py", "worker"],
        ),
    ]


def _portal_preparations(data: Path) -> list[list[str]]:
    commands = [["migrate"], ["collectstatic", "--no-input"], ["load_formulary"]]
    if not (data / "signing-key.pem").exists():
        commands.append(["create_signing_key"])
    commands.append(["seed_demo"])
    return [[sys.executable, "manage.py", *command, "-v0"] for command in commands]


def _stand_in(role: str, environment: dict[str, str], *, port: int) -> Part:
    commands = ["migrate", "seed_sandbox"] if role == "idme" else ["migrate"]
    return Part(
        name=role,
        environment=environment,
        prepare=[[sys.executable, "-m", "sandbox", name, "-v0"] for name in commands],
        serve=_gunicorn("sandbox.wsgi", port=port),
        port=port,
        is_stand_in=True,
    )


def _gunicorn(application: str, *, port: int) -> list[str]:
    options = ["--workers", "1", "--threads", "8", "--graceful-timeout", "5"]
    options.append("--no-control-socket")  # one for all of a user, or none
    address = ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    return [sys.executable, "-m", "gunicorn", application, *address, *options]


def _portal_environment(
    data: Path, *, secrets: dict[str, str], port: int
) -> dict[str, str]:
    idme, pharmacy = f"http://localhost:{port + 1}", f"http://localhost:{port + 2}"
    return _base() | {
        "DEMO": "1",
        "DEMO_WORLD": str(data / "world.json"),
        "VAR_DIR": str(data),
        "SECRET_KEY": secrets["PORTAL_SECRET_KEY"],
        "PORTAL_ORIGIN": f"http://localhost:{port}",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "FIELD_KEYS": secrets["FIELD_KEYS"],
        "AUDIT_KEYS": secrets["AUDIT_KEYS"],
        "SIGNING_KEY_FILE": str(data / "signing-key.pem"),
        "SIGNING_KEY_PASSPHRASE": secrets["SIGNING_KEY_PASSPHRASE"],
        "IDME_ISSUER": f"{idme}/oidc",
        "IDME_CLIENT_ID": "portal",
        "IDME_CLIENT_SECRET": secrets["IDME_CLIENT_SECRET"],
        "IDME_ACCOUNT_URL": f"{idme}/account/security/",
        "IDME_BINDING_MESSAGE_LENGTH": "200",
        "IDME_USERINFO_KEY_FILE": str(folder.userinfo_key_of(data)),
        "EMAIL_URL": f"filemail:///{data / 'mail'}",
        "SCRIPT_NETWORK_URL": f"{pharmacy}/script",
        "SCRIPT_NETWORK_TOKEN": secrets["SCRIPT_NETWORK_TOKEN"],
        "SCRIPT_INBOUND_TOKEN": secrets["SCRIPT_INBOUND_TOKEN"],
        "NTP_SERVERS": "",  # a demonstration asks nobody outside
    }


def _idme_environment(
    data: Path, secrets: dict[str, str], *, port: int
) -> dict[str, str]:
    portal = f"http://localhost:{port}"
    return _base() | {
        "SANDBOX": "idme",
        "SANDBOX_ORIGIN": f"http://localhost:{port + 1}",
        "SANDBOX_DATABASE": str(data / "idme.sqlite3"),
        "DEMO_WORLD": str(data / "world.json"),
        "SECRET_KEY": secrets["IDME_SECRET_KEY"],
        "PORTAL_ORIGIN": portal,
        "IDME_CLIENT_ID": "portal",
        "IDME_CLIENT_SECRET": secrets["IDME_CLIENT_SECRET"],
        "IDME_REDIRECT_URIS": f"{portal}/idme/callback/",
        "IDME_CLIENT_JWKS_URI": f"{portal}/idme/jwks.json",
    }


def _pharmacy_environment(
    data: Path, secrets: dict[str, str], *, port: int
) -> dict[str, str]:
    return _base() | {
        "SANDBOX": "pharmacy",
        "SANDBOX_DATABASE": str(data / "pharmacy.sqlite3"),
        "SECRET_KEY": secrets["PHARMACY_SECRET_KEY"],
        "SCRIPT_NETWORK_TOKEN": secrets["SCRIPT_NETWORK_TOKEN"],
        "PORTAL_SCRIPT_URL": f"http://localhost:{port}/script/",
        "SCRIPT_INBOUND_TOKEN": secrets["SCRIPT_INBOUND_TOKEN"],
    }


def _base() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed_on | {"PYTHONUNBUFFERED": "1"}
