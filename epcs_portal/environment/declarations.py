"""Every setting that an installation makes by an environment variable, in one list.

The settings module, the system checks and docs/settings.md are made from it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from epcs_portal.environment.value_types import (
    DATABASE_ADDRESS,
    ENV,
    FLAG,
    FOLDER,
    KEY_RING,
    LEVELS,
    LIST,
    MAIL_ADDRESS,
    ORIGIN,
    PAIRS,
    REPLACEMENTS,
    REQUIRED,
    SECONDS,
    SECRET_AS_IT_IS,
    TEXT,
    WHOLE_NUMBER,
    ValueType,
)

BASE_DIR = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Setting:
    name: str
    help: str  # Markdown
    type: ValueType = TEXT
    default: Any = REQUIRED  # a value, or a function that returns it
    default_words: str = ""  # for documentation, where the value does not say it
    required_when: str = ""  # another setting and its value, as NAME=value
    is_secret: bool = False

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    def read(self) -> Any:
        default = self.default() if callable(self.default) else self.default
        return self.type.read(self.name, default=default)


def _host_of_the_portal() -> list[str | None]:
    return [urlsplit(ENV.str("PORTAL_ORIGIN")).hostname]


def _sqlite_database() -> str:
    return f"sqlite:///{VAR_DIR.read() / 'portal.sqlite3'}"


VAR_DIR = Setting(
    "VAR_DIR",
    "Folder the portal writes to.",
    type=FOLDER,
    default=str(BASE_DIR / "var"),
    default_words="`var/`",
)

PORTAL = [
    Setting(
        "SECRET_KEY",
        "Signs sessions; 50 random characters or more.",
        is_secret=True,
    ),
    Setting(
        "PORTAL_ORIGIN",
        "The address people open, such as `https://portal.example`.",
        type=ORIGIN,
    ),
    Setting(
        "ALLOWED_HOSTS",
        "Host names the portal answers to.",
        type=LIST,
        default=_host_of_the_portal,
        default_words="the host of `PORTAL_ORIGIN`",
    ),
    Setting(
        "TRUST_PROXY",
        "1: trust `X-Forwarded-Proto` and the last address of `X-Forwarded-For`, which "
        "the proxy in front of the portal sets.",
        type=FLAG,
        default=False,
    ),
    Setting(
        "DATABASE_URL",
        "`postgres://user:password@host/name`.",
        type=DATABASE_ADDRESS,
        default=_sqlite_database,
        default_words="SQLite under `VAR_DIR`",
        is_secret=True,
    ),
    VAR_DIR,
    Setting(
        "DEMO",
        "1: marks every page as a demonstration and allows `seed_demo`.",
        type=FLAG,
        default=False,
    ),
    Setting(
        "DEBUG",
        "1: error pages show details; never with real data.",
        type=FLAG,
        default=False,
    ),
]

KEYS = [
    Setting(
        "FIELD_KEYS",
        "Encrypt device seeds and tokens: 32 bytes each, current key first.",
        type=KEY_RING,
        is_secret=True,
    ),
    Setting(
        "AUDIT_KEYS",
        "Seal the audit record: 32 bytes each, current key first.",
        type=KEY_RING,
        is_secret=True,
    ),
    Setting(
        "SIGNING_KEY_STORE",
        "`file`, or `pkcs11` for a hardware token.",
        default="file",
    ),
    Setting(
        "SIGNING_KEY_FILE",
        "Encrypted PKCS#8 PEM, P-256; `manage.py create_signing_key` makes it.",
        default="",
        required_when="SIGNING_KEY_STORE=file",
    ),
    Setting(
        "SIGNING_KEY_PASSPHRASE_FILE",
        "File that holds the passphrase of `SIGNING_KEY_FILE`. The portal reads it when "
        "it needs the passphrase, which can then be cleared from memory.",
        type=SECRET_AS_IT_IS,
        default="",
        default_words="this or `SIGNING_KEY_PASSPHRASE` is required for `file`",
    ),
    Setting(
        "SIGNING_KEY_PASSPHRASE",
        "The passphrase itself, instead of a file; it stays readable in the environment.",
        type=SECRET_AS_IT_IS,
        default="",
        is_secret=True,
    ),
    Setting(
        "SIGNING_PKCS11_MODULE",
        "Path of the token's library.",
        default="",
        required_when="SIGNING_KEY_STORE=pkcs11",
    ),
    Setting(
        "SIGNING_PKCS11_TOKEN",
        "Label of the token.",
        default="",
        required_when="SIGNING_KEY_STORE=pkcs11",
    ),
    Setting(
        "SIGNING_PKCS11_KEY_LABEL",
        "Label of the signing keys in the token.",
        default="epcs-signing",
    ),
    Setting(
        "SIGNING_KEY_PIN_FILE",
        "File that holds the token's user PIN.",
        type=SECRET_AS_IT_IS,
        default="",
        default_words="this or `SIGNING_KEY_PIN` is required for `pkcs11`",
    ),
    Setting(
        "SIGNING_KEY_PIN",
        "The PIN itself, instead of a file; it stays readable in the environment.",
        type=SECRET_AS_IT_IS,
        default="",
        is_secret=True,
    ),
    Setting(
        "SIGNING_MODULE_CERTIFICATE",
        "FIPS 140 certificate of the module that signs, as the site claims it.",
        default="",
        default_words="none: `check --deploy` warns",
    ),
]

IDENTITY_PROVIDER = [
    Setting(
        "IDME_ISSUER",
        "Issuer of the OpenID Provider, exactly as its discovery document spells it.",
        default="https://api.id.me/oidc",
    ),
    Setting("IDME_CLIENT_ID", "Client id of this portal at the provider."),
    Setting(
        "IDME_CLIENT_SECRET",
        "Authenticates the portal to the provider.",
        default="",
        default_words="this or `IDME_CLIENT_KEY_FILE` is required",
        is_secret=True,
    ),
    Setting(
        "IDME_CLIENT_KEY_FILE",
        "Private key (PEM) instead of a secret.",
        default="",
        default_words="this or `IDME_CLIENT_SECRET` is required",
    ),
    Setting(
        "IDME_SCOPES",
        "Scopes the portal asks for, separated by spaces.",
        default="openid http://idmanagement.gov/ns/assurance/ial/2/aal/2",
        default_words="OpenID at IAL2 and AAL2",
    ),
    Setting(
        "IDME_CLAIMS",
        "Names of claims at another provider, `ial=acr,…`; each replaces one of ID.me's.",
        type=REPLACEMENTS,
        default={
            "ial": "credential_ial",
            "aal": "credential_aal",
            "email": "email",
            "first_name": "fname",
            "last_name": "lname",
            "devices": "mfa_devices",
            "device": "mfa_device",
        },
        default_words="those of ID.me",
    ),
    Setting(
        "IDME_IAL_VALUES",
        "What the provider sends for an identity assurance level.",
        type=LEVELS,
        default="",
        default_words="plain numbers",
    ),
    Setting(
        "IDME_AAL_VALUES",
        "What the provider sends for an authenticator assurance level.",
        type=LEVELS,
        default="",
        default_words="plain numbers",
    ),
    Setting(
        "IDME_PUSH_AMR",
        "Methods (`amr`, RFC 8176) that count as a push.",
        type=LIST,
        default=["swk", "hwk", "pop"],
    ),
    Setting(
        "IDME_BINDING_MESSAGE_LENGTH",
        "Characters that a push request may show.",
        type=WHOLE_NUMBER,
        default=20,
    ),
    Setting(
        "IDME_ACCOUNT_URL",
        "Sign In & Security page of the provider.",
        default="https://account.id.me/signin-and-security",
        default_words="that of ID.me",
    ),
    Setting(
        "IDME_USERINFO_KEY_FILE",
        "RSA key (PEM) that decrypts userinfo.",
    ),
    Setting(
        "IDME_TIMEOUT",
        "Longest wait of a page or task for the provider, all calls together.",
        type=SECONDS,
        default=10,
    ),
]

PHARMACY_NETWORK = [
    Setting(
        "SCRIPT_NETWORK_URL",
        "Address of the pharmacy network.",
        default="",
        default_words="none: nothing can be signed",
    ),
    Setting(
        "SCRIPT_NETWORK_TOKEN",
        "Bearer token of the portal at the network.",
        default="",
        is_secret=True,
    ),
    Setting(
        "SCRIPT_NETWORK_TIMEOUT",
        "Longest wait for a call to the network.",
        type=SECONDS,
        default=20,
    ),
    Setting(
        "SCRIPT_TEST_HOSTS",
        "Hosts of a network's test system; they count with `DEMO=1` only.",
        type=LIST,
        default=[],
        default_words="none: every host but this machine is live",
    ),
    Setting(
        "SCRIPT_VERSION",
        "Version of the messages: `2017071` or `2023011`.",
        default="2017071",
    ),
    Setting(
        "SCRIPT_ANSWERS",
        "Meaning of answers where this network differs, `Status/010=passed on,…`.",
        type=PAIRS,
        default={},
        default_words="as the standard says",
    ),
    Setting(
        "SCRIPT_INBOUND_TOKEN",
        "Bearer token of messages that the network sends to `/script/`.",
        default="",
        default_words="none: they are refused",
        is_secret=True,
    ),
]

CLOCK_AND_REPORTS = [
    Setting(
        "NTP_SERVERS",
        "Time servers; `host:port` where the port is not 123.",
        type=LIST,
        default=[
            "time.nist.gov",
            "time-a-g.nist.gov",
            "time-b-g.nist.gov",
            "utcnist.colorado.edu",
        ],
        default_words="four of NIST; empty asks none",
    ),
    Setting(
        "REPORT_TIME_ZONE",
        "Time zone whose calendar days have daily reports.",
        default="America/New_York",
    ),
    Setting(
        "DEA_CONTACT",
        "Whom a practitioner calls at DEA, in words (21 CFR 1311.102(j)).",
        default="",
        default_words="where DEA lists its offices",
    ),
]

MAIL = [
    Setting(
        "EMAIL_URL",
        "`smtp+tls://user:password@host:587`.",
        type=MAIL_ADDRESS,
        default="consolemail://",
        default_words="printed to the log",
        is_secret=True,
    ),
    Setting(
        "DEFAULT_FROM_EMAIL",
        "Sender of notices.",
        default="epcs-portal@localhost",
    ),
]

GROUPS = {
    "The portal": PORTAL,
    "Keys": KEYS,
    "Identity provider": IDENTITY_PROVIDER,
    "Pharmacy network": PHARMACY_NETWORK,
    "Clock and reports": CLOCK_AND_REPORTS,
    "Mail": MAIL,
}
SETTINGS = {setting.name: setting for group in GROUPS.values() for setting in group}
