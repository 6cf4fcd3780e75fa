"""One settings module; epcs_portal/environment declares what an installation sets.

Each default is the production-safe one. DEBUG=1 loosens nothing that signs; DEMO=1
marks an installation that must never serve real patients.
"""

from pathlib import Path

from csp.constants import NONE, SELF

from epcs_portal.environment.variables import read

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR: Path = read("VAR_DIR")

DEBUG: bool = read("DEBUG")
DEMO: bool = read("DEMO")
SECRET_KEY: str = read("SECRET_KEY")

PORTAL_ORIGIN: str = read("PORTAL_ORIGIN")
PORTAL_IS_HTTPS = PORTAL_ORIGIN.startswith("https://")
ALLOWED_HOSTS: list[str] = read("ALLOWED_HOSTS")
TRUST_PROXY: bool = read("TRUST_PROXY")

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
    "audit.context.RequestContextMiddleware",
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
    "epcs_portal.middleware.AnsweredRefusals",
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

DATABASES = {"default": read("DATABASE_URL")}
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

SESSION_ENGINE = "epcs_portal.sign_in.session_store"
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

# Key rings: the current key first.
FIELD_KEYS: list[tuple[str, bytes]] = read("FIELD_KEYS")
AUDIT_KEYS: list[tuple[str, bytes]] = read("AUDIT_KEYS")
SIGNING_KEY_STORE: str = read("SIGNING_KEY_STORE")
SIGNING_KEY_FILE: str = read("SIGNING_KEY_FILE")
SIGNING_KEY_PASSPHRASE_FILE: str = read("SIGNING_KEY_PASSPHRASE_FILE")
SIGNING_KEY_PASSPHRASE: str = read("SIGNING_KEY_PASSPHRASE")
SIGNING_PKCS11_MODULE: str = read("SIGNING_PKCS11_MODULE")
SIGNING_PKCS11_TOKEN: str = read("SIGNING_PKCS11_TOKEN")
SIGNING_PKCS11_KEY_LABEL: str = read("SIGNING_PKCS11_KEY_LABEL")
SIGNING_KEY_PIN_FILE: str = read("SIGNING_KEY_PIN_FILE")
SIGNING_KEY_PIN: str = read("SIGNING_KEY_PIN")
SIGNING_MODULE_CERTIFICATE: str = read("SIGNING_MODULE_CERTIFICATE")

IDME_ISSUER: str = read("IDME_ISSUER")
IDME_CLIENT_ID: str = read("IDME_CLIENT_ID")
IDME_CLIENT_SECRET: str = read("IDME_CLIENT_SECRET")
IDME_CLIENT_KEY_FILE: str = read("IDME_CLIENT_KEY_FILE")
IDME_SCOPES: str = read("IDME_SCOPES")
IDME_CLAIMS: dict[str, str] = read("IDME_CLAIMS")
IDME_IAL_VALUES: dict[str, int] = read("IDME_IAL_VALUES")
IDME_AAL_VALUES: dict[str, int] = read("IDME_AAL_VALUES")
IDME_PUSH_AMR: list[str] = read("IDME_PUSH_AMR")
IDME_BINDING_MESSAGE_LENGTH: int = read("IDME_BINDING_MESSAGE_LENGTH")
IDME_ACCOUNT_URL: str = read("IDME_ACCOUNT_URL")
IDME_USERINFO_KEY_FILE: str = read("IDME_USERINFO_KEY_FILE")
IDME_TIMEOUT: float = read("IDME_TIMEOUT")

SCRIPT_NETWORK_URL: str = read("SCRIPT_NETWORK_URL")
SCRIPT_NETWORK_TOKEN: str = read("SCRIPT_NETWORK_TOKEN")
SCRIPT_NETWORK_TIMEOUT: float = read("SCRIPT_NETWORK_TIMEOUT")
SCRIPT_TEST_HOSTS: list[str] = read("SCRIPT_TEST_HOSTS")
SCRIPT_VERSION: str = read("SCRIPT_VERSION")
SCRIPT_ANSWERS: dict[str, str] = read("SCRIPT_ANSWERS")
SCRIPT_INBOUND_TOKEN: str = read("SCRIPT_INBOUND_TOKEN")

NTP_SERVERS: list[str] = read("NTP_SERVERS")
DEA_CONTACT: str = read("DEA_CONTACT")

FILE_UPLOAD_HANDLERS = ["epcs_portal.uploads.NoFiles"]

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

_mail = read("EMAIL_URL")
EMAIL_BACKEND: str = _mail["EMAIL_BACKEND"]
EMAIL_HOST = _mail["EMAIL_HOST"]
EMAIL_PORT = _mail["EMAIL_PORT"]
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"]
DEFAULT_FROM_EMAIL: str = read("DEFAULT_FROM_EMAIL")

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
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
REPORT_TIME_ZONE: str = read("REPORT_TIME_ZONE")

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
