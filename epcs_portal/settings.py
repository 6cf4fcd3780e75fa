"""One settings module; every difference between machines is an environment variable.

Each default is the production-safe one. DEBUG=1 loosens nothing that signs; DEMO=1
marks an installation that must never serve real patients.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

from epcs_portal import keys, levels

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()
VAR_DIR = Path(env("VAR_DIR", default=str(BASE_DIR / "var")))

DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
SECRET_KEY = env("SECRET_KEY")

PORTAL_ORIGIN = env("PORTAL_ORIGIN").rstrip("/")
PORTAL_IS_HTTPS = PORTAL_ORIGIN.startswith("https://")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[urlsplit(PORTAL_ORIGIN).hostname])
TRUST_PROXY = env.bool("TRUST_PROXY", default=False)

INSTALLED_APPS = [
    "epcs_portal.apps.PortalConfig",
    "audit",
    "mfa",
    "providers",
    "prescriptions",
    "epcs_portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_otp",
    "axes",
    "csp",
    "django_htmx",
    "django_tasks",
    "epcs_portal.apps.BackgroundTasksConfig",
]

MIDDLEWARE = [
    "audit.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "epcs_portal.middleware.readable_text",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "epcs_portal.middleware.sessions_that_end",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "epcs_portal.sign_in.attempts.recorded",
    "epcs_portal.middleware.private_pages",
    "epcs_portal.middleware.explained_methods",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "epcs_portal.urls"
WSGI_APPLICATION = "epcs_portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "epcs_portal.context_processors.portal",
            ],
        },
    }
]
FORM_RENDERER = "epcs_portal.forms.Renderer"

DATABASES = {
    "default": env.db_url(
        "DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'portal.sqlite3'}"
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE, so that read-then-write cannot interleave; seconds of waiting.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }

AUTH_USER_MODEL = "epcs_portal.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # trying does not extend a lock
AXES_HANDLER = "epcs_portal.sign_in.events.PerAccount"
AXES_CLIENT_IP_CALLABLE = "epcs_portal.sign_in.events.client_address"
AXES_LOCKOUT_CALLABLE = "epcs_portal.views.sign_in_locked"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
OTP_TOTP_SYNC = False
OTP_ADMIN_HIDE_SENSITIVE_DATA = True

SESSION_COOKIE_NAME = "portal_session"
SESSION_COOKIE_AGE = 30 * 60  # seconds without activity; SP 800-63B 4.2.3
SESSION_LONGEST = 12 * 60 * 60  # seconds, however active; SP 800-63B 4.2.3
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PORTAL_IS_HTTPS
CSRF_COOKIE_NAME = "portal_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "epcs_portal.views.csrf_failure"
CSRF_TRUSTED_ORIGINS = [PORTAL_ORIGIN]
SECURE_SSL_REDIRECT = PORTAL_IS_HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PORTAL_IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PORTAL_IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

# Secrets at rest, the record, the signature. Each ring: current key first.
FIELD_KEYS = keys.parse(env("FIELD_KEYS"), name="FIELD_KEYS")
AUDIT_KEYS = keys.parse(env("AUDIT_KEYS"), name="AUDIT_KEYS")
SIGNING_KEY_STORE = env("SIGNING_KEY_STORE", default="file")  # or pkcs11
SIGNING_KEY_FILE = env("SIGNING_KEY_FILE", default="")
# Read from its file when it is needed, and overwritten; empty without one.
SIGNING_KEY_PASSPHRASE_FILE = os.environ.get("SIGNING_KEY_PASSPHRASE_FILE", "")
SIGNING_KEY_PASSPHRASE = os.environ.get("SIGNING_KEY_PASSPHRASE", "")
SIGNING_PKCS11_MODULE = env("SIGNING_PKCS11_MODULE", default="")  # path of a library
SIGNING_PKCS11_TOKEN = env("SIGNING_PKCS11_TOKEN", default="")  # label
SIGNING_PKCS11_KEY_LABEL = env("SIGNING_PKCS11_KEY_LABEL", default="epcs-signing")
SIGNING_KEY_PIN_FILE = os.environ.get("SIGNING_KEY_PIN_FILE", "")
SIGNING_KEY_PIN = os.environ.get("SIGNING_KEY_PIN", "")
SIGNING_MODULE_CERTIFICATE = env("SIGNING_MODULE_CERTIFICATE", default="")

IDME_ISSUER = env("IDME_ISSUER", default="https://api.id.me/oidc")
IDME_CLIENT_ID = env("IDME_CLIENT_ID")
IDME_CLIENT_SECRET = env("IDME_CLIENT_SECRET", default="")
IDME_CLIENT_KEY_FILE = env("IDME_CLIENT_KEY_FILE", default="")  # instead of a secret
IDME_SCOPES = env(
    "IDME_SCOPES", default="openid http://idmanagement.gov/ns/assurance/ial/2/aal/2"
)
# What ID.me calls things; another provider's names replace them one by one.
IDME_CLAIMS = {
    "ial": "credential_ial",
    "aal": "credential_aal",
    "email": "email",
    "first_name": "fname",
    "last_name": "lname",
    "devices": "mfa_devices",
    "device": "mfa_device",
} | env.dict("IDME_CLAIMS", default={})
# Levels by what the provider sends for them; plain numbers need no entry.
IDME_IAL_VALUES = levels.parse(
    env("IDME_IAL_VALUES", default=""), name="IDME_IAL_VALUES"
)
IDME_AAL_VALUES = levels.parse(
    env("IDME_AAL_VALUES", default=""), name="IDME_AAL_VALUES"
)
IDME_PUSH_AMR = env.list("IDME_PUSH_AMR", default=["swk", "hwk", "pop"])  # RFC 8176
IDME_BINDING_MESSAGE_LENGTH = env.int("IDME_BINDING_MESSAGE_LENGTH", default=20)
IDME_ACCOUNT_URL = env(
    "IDME_ACCOUNT_URL", default="https://account.id.me/signin-and-security"
)
IDME_USERINFO_KEY_FILE = env("IDME_USERINFO_KEY_FILE")
IDME_TIMEOUT = env.float("IDME_TIMEOUT", default=10)  # seconds, for all calls of a page

SCRIPT_NETWORK_URL = env("SCRIPT_NETWORK_URL", default="")
SCRIPT_NETWORK_TOKEN = env("SCRIPT_NETWORK_TOKEN", default="")
SCRIPT_NETWORK_TIMEOUT = env.float("SCRIPT_NETWORK_TIMEOUT", default=20)  # seconds
# Hosts of a network's test system; they count in demonstration mode only.
SCRIPT_TEST_HOSTS = env.list("SCRIPT_TEST_HOSTS", default=[])

NTP_SERVERS = env.list(
    "NTP_SERVERS",
    default=[
        "time.nist.gov",
        "time-a-g.nist.gov",
        "time-b-g.nist.gov",
        "utcnist.colorado.edu",
    ],
)
SCRIPT_VERSION = env("SCRIPT_VERSION", default="2017071")  # or 2023011
# What answers mean on this network where it differs: Status/010=passed on,…
SCRIPT_ANSWERS = env.dict("SCRIPT_ANSWERS", default={})
SCRIPT_INBOUND_TOKEN = env("SCRIPT_INBOUND_TOKEN", default="")  # of what comes in

# What a practitioner reads who has to tell DEA (21 CFR 1311.102(j)).
DEA_CONTACT = env("DEA_CONTACT", default="")

FILE_UPLOAD_HANDLERS = ["epcs_portal.uploads.NoFiles"]

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="epcs-portal@localhost")

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
REPORT_TIME_ZONE = env("REPORT_TIME_ZONE", default="America/New_York")  # of its days

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # authlib writes PKCE verifiers at DEBUG.
    "loggers": {"authlib": {"level": "INFO"}, "axes": {"level": "WARNING"}},
}
