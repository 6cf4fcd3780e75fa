"""Run a command with the settings of a production machine and throw-away keys.

`python -m tests.production python manage.py check --deploy`
"""

import base64
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import keys


def environment(folder: Path) -> dict[str, str]:
    passphrase = secrets.token_urlsafe(24)
    return {
        "VAR_DIR": str(folder),
        "SECRET_KEY": secrets.token_urlsafe(60),
        "PORTAL_ORIGIN": "https://portal.example",
        "TRUST_PROXY": "1",
        "FIELD_KEYS": f"f1:{_key()}",
        "AUDIT_KEYS": f"a1:{_key()}",
        "SIGNING_KEY_FILE": str(keys.write_signing_key(folder, passphrase=passphrase)),
        "SIGNING_KEY_PASSPHRASE_FILE": str(_write(folder / "passphrase", passphrase)),
        "SIGNING_MODULE_CERTIFICATE": "of a module that tests do not have",
        "IDME_CLIENT_ID": "portal",
        "IDME_CLIENT_SECRET": secrets.token_urlsafe(24),
        "IDME_USERINFO_KEY_FILE": str(keys.write_userinfo_key(folder)),
        "SCRIPT_NETWORK_URL": "https://network.example/script",
        "SCRIPT_NETWORK_TOKEN": secrets.token_urlsafe(24),
        "EMAIL_URL": "smtp+tls://portal@mail.example:587",
    }


def main(command: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="epcs-production-") as folder:
        production = os.environ | environment(Path(folder))
        return subprocess.run(command, env=production).returncode


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
