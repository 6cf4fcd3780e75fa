"""Throw-away keys and a fast hasher; everything else is what production runs."""

import atexit
import base64
import os
import shutil
import tempfile
from pathlib import Path

from tests.keys import PASSPHRASE, kept_keys

_FOLDER = Path(tempfile.mkdtemp(prefix="epcs-tests-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_SIGNING_KEY, _USERINFO_KEY = kept_keys()
os.environ.update(
    VAR_DIR=str(_FOLDER),
    SECRET_KEY="tests-only-" + "k" * 50,
    PORTAL_ORIGIN="http://testserver",
    ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
    DEMO="1",
    FIELD_KEYS="f1:" + base64.b64encode(b"f" * 32).decode(),
    AUDIT_KEYS="a1:" + base64.b64encode(b"a" * 32).decode(),
    SIGNING_KEY_FILE=str(_SIGNING_KEY),
    SIGNING_KEY_PASSPHRASE=PASSPHRASE,
    IDME_ISSUER="https://idme.test/oidc",
    IDME_CLIENT_ID="portal",
    IDME_CLIENT_SECRET="portal-secret",
    IDME_ACCOUNT_URL="https://idme.test/account/security/",
    IDME_USERINFO_KEY_FILE=str(_USERINFO_KEY),
    SCRIPT_NETWORK_URL="https://network.test/script",
    SCRIPT_NETWORK_TOKEN="network-token",
    SCRIPT_INBOUND_TOKEN="inbound-token",
    NTP_SERVERS="",
    EMAIL_URL="memorymail://",
)

from epcs_portal.settings import *  # noqa: E402, F403
from epcs_portal.settings import STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
