"""Settings of the stand-ins: SANDBOX=idme or SANDBOX=pharmacy says which one runs.

They speak plain HTTP on this machine, for demonstrations and tests, and hold nothing
that belongs to a real person.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.FileAwareEnv()


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


SANDBOX = env("SANDBOX")
if SANDBOX not in ("idme", "pharmacy"):
    raise environ.ImproperlyConfigured("SANDBOX must be idme or pharmacy.")

DEBUG = False
SECRET_KEY = env("SECRET_KEY")
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
PORTAL_ORIGIN = env("PORTAL_ORIGIN", default="http://localhost:8000").rstrip("/")
DEMO_WORLD = env("DEMO_WORLD", default="")

# The ID.me stand-in
SANDBOX_ORIGIN = env("SANDBOX_ORIGIN", default="http://localhost:8001").rstrip("/")
IDME_ISSUER = f"{SANDBOX_ORIGIN}/oidc"
IDME_CLIENT_ID = env("IDME_CLIENT_ID", default="")
IDME_CLIENT_SECRET = env("IDME_CLIENT_SECRET", default="")
IDME_REDIRECT_URIS = env.list("IDME_REDIRECT_URIS", default=[])
IDME_CLIENT_JWKS_URI = env("IDME_CLIENT_JWKS_URI", default="")
IDME_CLIENT_JWKS_TIMEOUT = 5  # seconds
# 0: discovery offers no backchannel, as today's public ID.me.
IDME_BACKCHANNEL = env.bool("IDME_BACKCHANNEL", default=True)
IDME_BACKCHANNEL_INTERVAL = env.int("IDME_BACKCHANNEL_INTERVAL", default=5)  # seconds
IDME_SLOW_SECONDS = env.float("IDME_SLOW_SECONDS", default=30)
AUTHLIB_OAUTH2_PROVIDER = {
    "refresh_token_generator": True,
    "token_expires_in": {
        "authorization_code": 300,  # seconds
        "refresh_token": 300,
        "urn:openid:params:grant-type:ciba": 300,
    },
}
# Authlib otherwise refuses http:// addresses, also those of this machine.
os.environ.setdefault("AUTHLIB_INSECURE_TRANSPORT", "1")

# The pharmacy stand-in
SCRIPT_NETWORK_TOKEN = env("SCRIPT_NETWORK_TOKEN", default="")
# Where the portal takes in what pharmacies say, and the token that it wants to see.
PORTAL_SCRIPT_URL = env("PORTAL_SCRIPT_URL", default="")
SCRIPT_INBOUND_TOKEN = env("SCRIPT_INBOUND_TOKEN", default="")
PHARMACY_SLOW_SECONDS = env.float("PHARMACY_SLOW_SECONDS", default=25)

INSTALLED_APPS = [
    "sandbox",
    f"sandbox.{SANDBOX}",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATE_CONTEXT = [
    "django.template.context_processors.request",
    "django.contrib.messages.context_processors.messages",
]
if SANDBOX == "idme":
    MIDDLEWARE.append("sandbox.idme.middleware.remember_way_back")
    TEMPLATE_CONTEXT.append("sandbox.idme.context_processors.visitor")

ROOT_URLCONF = f"sandbox.{SANDBOX}.urls"
WSGI_APPLICATION = "sandbox.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": TEMPLATE_CONTEXT},
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": env(
            "SANDBOX_DATABASE",
            default=str(BASE_DIR / "var" / f"sandbox-{SANDBOX}.sqlite3"),
        ),
        "CONN_MAX_AGE": 60,  # seconds
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]

# Cookies are shared between the ports of one host: each server names its own.
SESSION_COOKIE_NAME = f"{SANDBOX}_session"
SESSION_COOKIE_AGE = 15 * 60  # seconds without activity
SESSION_SAVE_EVERY_REQUEST = True
CSRF_COOKIE_NAME = f"{SANDBOX}_csrf"
CSRF_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
# The portal may open the sign-in in a window of its own and talk to that window.
SECURE_CROSS_ORIGIN_OPENER_POLICY = None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        # Signing in and consenting are POSTs that end in a redirect to the portal.
        "form-action": [SELF, *sorted({origin_of(uri) for uri in IDME_REDIRECT_URIS})],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True

USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # Authlib writes tokens and verifiers at DEBUG.
    "loggers": {"authlib": {"level": "INFO"}},
}
