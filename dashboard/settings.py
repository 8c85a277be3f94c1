"""All settings, read from the environment. A missing or senseless value stops the start with its name.

The address of Temporal is not here: the SDK reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and the TLS
files by itself (``temporalio.envconfig``).
"""

import logging
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from dashboard.environment import BASE_DIR, DATA_DIR, DEBUG, LOCAL, TESTING, env, secret
from dashboard.environment import DEMO as DEMO  # a setting too, though nothing in this file asks for it
from dashboard.logs import logging_config

# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────
SECRET_KEY = secret("SECRET_KEY", "only-for-development-and-the-demo")
# Under it the audit trail's digests are made: changing SECRET_KEY must not make every old record look forged.
AUDIT_KEY = env.str("AUDIT_KEY", SECRET_KEY)
# Under it the links of mails that have been sent are signed, which have to work for ever.
UNSUBSCRIBE_KEY = env.str("UNSUBSCRIBE_KEY", SECRET_KEY)
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
PAYMENT_WEBHOOK_SECRETS = [
    each.strip() for each in secret("PAYMENT_WEBHOOK_SECRETS", "demo-webhook-secret").split(",") if each.strip()
]

# ── Addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────
BASE_URL = env.str("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
TEMPORAL_UI_URL = env.str("TEMPORAL_UI_URL", "http://127.0.0.1:8233").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost"] if LOCAL else [])
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set. Name the hosts that this site answers for.")
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

# ── Applications ─────────────────────────────────────────────────────────────────────────────────────────────────────
# Channels' app entry is left out: all it adds is a `runworker` of its own, which would hide ours.
INSTALLED_APPS = [
    "daphne",
    "servestatic",
    "dashboard",
    "orders",
    "approvals",
    "campaigns",
    "temporal_worker",
    "dashboard.admin_app.AdminApp",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_structlog",
    "csp",
    # Its entry serves the API's documentation page from our own origin instead of a CDN.
    "ninja",
    "axes",
]

# Every one of these can run both ways: sync around pages, in one thread, and async around a held long-poll, in none.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "dashboard.handler.StaticFilesMiddleware",
    "dashboard.compressed_pages.CompressedPages",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "dashboard.probes.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "dashboard.accounts.sessions.PageUser",
    "dashboard.request_log.RequestLogMiddleware",
    "dashboard.clean_addresses.CleanAddresses",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
ASGI_APPLICATION = "dashboard.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context_processors.shell",
            ],
        },
    },
]

# ── Database ─────────────────────────────────────────────────────────────────────────────────────────────────────────
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(env.str("DATABASE_URL", f"sqlite:///{DATA_DIR / 'callboard.sqlite3'}"))
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Read-then-write transactions of several processes: 341 of 800 failed with "database is locked" in SQLite's
    # default mode, none with IMMEDIATE.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-4000;",
    }
    # Opening a file takes as long as three queries. The threads of pages and activities live on, each with its
    # connection; PostgreSQL's are few and dear, so there each request gives its own back.
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    if TESTING:
        # A file, because worker threads and the live server share it; an in-memory one would be one connection.
        DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ── Log-in, sessions, security ───────────────────────────────────────────────────────────────────────────────────────
AUTHENTICATION_BACKENDS = ["dashboard.auth.Backend"]
# OpenID Connect, off without an issuer. The names with RP are the library's. dashboard/accounts/oidc.py
OIDC_ISSUER = env.str("OIDC_ISSUER", "")
OIDC_RP_CLIENT_ID = env.str("OIDC_CLIENT_ID", "")
OIDC_RP_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", "")
OIDC_RP_SIGN_ALGO = env.str("OIDC_SIGN_ALGO", "RS256")
OIDC_RP_SCOPES = env.str("OIDC_SCOPES", "openid email profile")
OIDC_NAME = env.str("OIDC_NAME", "single sign-on")
OIDC_USERNAME_CLAIM = env.str("OIDC_USERNAME_CLAIM", "")
OIDC_CREATE_USER = env.bool("OIDC_CREATE_USERS", False)
OIDC_GROUPS_CLAIM = env.str("OIDC_GROUPS_CLAIM", "groups")
OIDC_GROUPS: dict[str, str] = env.dict("OIDC_GROUPS", {})
OIDC_USE_PKCE = OIDC_USE_NONCE = OIDC_STORE_ID_TOKEN = True
OIDC_AUTHENTICATION_CALLBACK_URL = "oidc_callback"
OIDC_TIMEOUT = 10
if OIDC_ISSUER:
    if not (OIDC_RP_CLIENT_ID and OIDC_RP_CLIENT_SECRET):
        raise ImproperlyConfigured("OIDC_ISSUER is set, and so OIDC_CLIENT_ID and OIDC_CLIENT_SECRET have to be.")
    if not OIDC_ISSUER.startswith("https://") and not LOCAL:
        raise ImproperlyConfigured("OIDC_ISSUER has to be an https:// address.")
    if find_spec("mozilla_django_oidc") is None:
        raise ImproperlyConfigured(
            "OIDC_ISSUER is set, but its library is not installed. Install it together with the database's, because what "
            "uv sync does not name it removes: uv sync --extra postgres --extra oidc"
        )
    AUTHENTICATION_BACKENDS.append("dashboard.accounts.oidc_backend.OidcBackend")
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_SAVE_EVERY_REQUEST = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
HTTPS = env.bool("HTTPS", not LOCAL)
if HTTPS:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # a load balancer asks over plain HTTP
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
CSRF_FAILURE_VIEW = "dashboard.views.csrf_failure"
PASSWORD_RESET_TIMEOUT = env.int("PASSWORD_RESET_TIMEOUT", 3600)
# Wrong passwords for one account from one address, and from one address for all accounts, before it has to wait.
AXES_FAILURE_LIMIT = env.int("LOGIN_FAILURES", 5)
LOGIN_FAILURES_PER_ADDRESS = env.int("LOGIN_FAILURES_PER_ADDRESS", 50)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("LOGIN_WAIT_MINUTES", 15))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or who tries on would keep the owner out for ever
AXES_LOCKOUT_CALLABLE = "dashboard.accounts.throttle.locked_out"
AXES_CLIENT_IP_CALLABLE = "dashboard.accounts.addresses.address_of"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# For each web process: calls of one person by the API, and bad tokens from one address.
API_CALLS_PER_MINUTE = env.int("API_CALLS_PER_MINUTE", 6000)
API_BAD_TOKENS_PER_MINUTE = env.int("API_BAD_TOKENS_PER_MINUTE", 60)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # Logging out ends the provider's session too, and browsers count that redirect as the form's.
        "form-action": [SELF, *(["/".join(OIDC_ISSUER.split("/")[:3])] if OIDC_ISSUER else [])],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-src": [SELF],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
MAX_REQUEST_BODY = 2 * 1024 * 1024
# Files of contacts, from who may import them: by path, how many bytes and which permission.
LARGER_REQUEST_BODIES = {"/campaigns/imports/new/": (112 * 1024 * 1024, "campaigns.edit_campaign")}
# Pages that a web process works on at once, each with a thread and, while it asks it, a database connection of its own.
PAGE_THREADS = env.int("PAGE_THREADS", 64)

# ── Static files, language, time ─────────────────────────────────────────────────────────────────────────────────────
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
SERVESTATIC_USE_FINDERS = LOCAL
SERVESTATIC_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if LOCAL
            else "servestatic.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
MEDIA_ROOT = DATA_DIR / "media"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "dashboard.formats"

# ── Mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Callboard <callboard@example.com>")
OPERATIONS_EMAIL = env.str("OPERATIONS_EMAIL", "operations@example.com")
EMAIL_TIMEOUT = 10
if env.str("EMAIL_HOST", ""):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = env.str("EMAIL_HOST")
    EMAIL_PORT = env.int("EMAIL_PORT", 25)
    EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
    EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
    EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", False)
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(DATA_DIR / "mails")

# ── Channels of campaigns ────────────────────────────────────────────────────────────────────────────────────────────
# Text and push messages go to a sandbox until there is an address that takes them. campaigns/channels/ says what it gets.
SMS_WEBHOOK_URL = env.str("SMS_WEBHOOK_URL", "")
SMS_WEBHOOK_TOKEN = env.str("SMS_WEBHOOK_TOKEN", "")
PUSH_WEBHOOK_URL = env.str("PUSH_WEBHOOK_URL", "")
PUSH_WEBHOOK_TOKEN = env.str("PUSH_WEBHOOK_TOKEN", "")
_SANDBOX = "campaigns.channels.sandbox.SandboxProvider"
CHANNEL_PROVIDERS = {
    "email": env.str("EMAIL_PROVIDER", "campaigns.channels.email.EmailProvider"),
    "sms": "campaigns.channels.sms.WebhookSmsProvider" if SMS_WEBHOOK_URL else _SANDBOX,
    "push": "campaigns.channels.push.WebhookPushProvider" if PUSH_WEBHOOK_URL else _SANDBOX,
}
# Seconds that the sandbox takes before and after it books a message; the soak kills the worker in them.
CHANNEL_SANDBOX_LATENCY = env.float("CHANNEL_SANDBOX_LATENCY", 0.0)

# ── Slack ────────────────────────────────────────────────────────────────────────────────────────────────────────────
# Off while there is no token; docs/how-to/slack.md says where the four come from.
SLACK_BASE_URL = env.str("SLACK_BASE_URL", "https://slack.com/api/")
SLACK_BOT_TOKEN = env.str("SLACK_BOT_TOKEN", "")
SLACK_SIGNING_SECRET = env.str("SLACK_SIGNING_SECRET", "").strip()
SLACK_TEAM_ID = env.str("SLACK_TEAM_ID", "")
if SLACK_BOT_TOKEN and not (SLACK_SIGNING_SECRET and SLACK_TEAM_ID):
    raise ImproperlyConfigured("SLACK_BOT_TOKEN is set, and so SLACK_SIGNING_SECRET and SLACK_TEAM_ID have to be.")

# ── Work ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
# Threads of the worker's pool, and so the most activities and database connections of one worker at a time.
WORKER_THREADS = env.int("WORKER_THREADS", 16)
# Where the worker's figures are to be fetched, "127.0.0.1:9464"; off while it is empty. A port alone is this machine's.
METRICS_ADDRESS = env.str("METRICS_ADDRESS", "")
if METRICS_ADDRESS.isdigit():
    METRICS_ADDRESS = f"127.0.0.1:{METRICS_ADDRESS}"
# Which version of which Worker Deployment a worker is; none while both are empty. docs/deploy.md
WORKER_DEPLOYMENT = env.str("WORKER_DEPLOYMENT", "")
WORKER_BUILD_ID = env.str("WORKER_BUILD_ID", "")
PAYMENT_PROVIDER = env.str("PAYMENT_PROVIDER", "orders.payments.sandbox.SandboxPaymentProvider")
# Seconds that the sandbox takes before and after it books a charge; the soak kills the worker in them.
PAYMENT_SANDBOX_LATENCY = env.float("PAYMENT_SANDBOX_LATENCY", 0.0)

# The end of a request tells all that its start would.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config(level=env.str("LOG_LEVEL", "INFO"), as_json=env.bool("LOG_JSON", not LOCAL))
