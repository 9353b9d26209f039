"""One settings file. Every name a deployment may set is read here and listed in ``.env.example``."""

from __future__ import annotations

import os
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from django.core.exceptions import ImproperlyConfigured

from leadmirror.broker import transport_options
from leadmirror.logging import build_logging
from leadmirror.unfold import UNFOLD as UNFOLD  # noqa: PLC0414 - re-exported: it is a setting

BASE_DIR = Path(__file__).resolve().parent.parent


class Env(environ.Env):  # type: ignore[misc]
    """Reads the environment; a value that cannot be read is named."""

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        """One value, or ImproperlyConfigured."""
        try:
            return super().get_value(var, *args, **options)
        except ValueError:
            raise ImproperlyConfigured(f"{var} is {os.environ.get(var)!r}, which cannot be read.") from None


env = Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

# --- the process ------------------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "debug-only-never-in-production" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. Put a long random value into the environment or .env.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", "http://localhost:8000").rstrip("/")
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var"))).resolve()
VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# --- keys -------------------------------------------------------------------------------------------------------------
FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS", default=[])
HASH_KEYS = env.list("HASH_KEY", default=[])
if not DEBUG and not (FIELD_ENCRYPTION_KEYS and HASH_KEYS):
    raise ImproperlyConfigured(
        "FIELD_ENCRYPTION_KEYS and HASH_KEY must be set outside debug: long random values, kept with the backups' keys."
    )
FIELD_ENCRYPTION_KEYS = FIELD_ENCRYPTION_KEYS or [f"field-encryption:{SECRET_KEY}"]
HASH_KEYS = HASH_KEYS or [f"hash:{SECRET_KEY}"]

# --- applications -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_structlog",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "leads",
]
MIDDLEWARE = [
    "leadmirror.requests.TrustProxies",
    "django_structlog.middlewares.RequestMiddleware",
    "leadmirror.requests.NameRequests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "leadmirror.urls"
WSGI_APPLICATION = "leadmirror.wsgi.application"
ASGI_APPLICATION = "leadmirror.asgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- database ---------------------------------------------------------------------------------------------------------
SQLITE_URL = f"sqlite:///{VAR_DIR / 'leadmirror.sqlite3'}"
DATABASES = {"default": env.db_url("DATABASE_URL", default=SQLITE_URL)}
IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
# To open SQLite's file costs more than most requests, too; closing it last copies the log back each time.
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": not IS_SQLITE}
if IS_SQLITE:
    # IMMEDIATE takes the write lock at BEGIN, so a claim never fails half way with "database is locked". FULL waits for
    # the disk: after a power cut, what was saved is there and what was claimed is not sent again.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32000;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTANCE_ID = env.str("INSTANCE_ID", "")
if not INSTANCE_ID and not IS_SQLITE:
    raise ImproperlyConfigured(
        "INSTANCE_ID is not set. With a database server it says which installation this is, so that a copied database"
        " does not send. Any name that no other installation has will do."
    )

# --- language, time, static files -------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", "Europe/London")
try:
    ZoneInfo(TIME_ZONE)
except (ZoneInfoNotFoundError, ValueError, OSError):
    raise ImproperlyConfigured(
        f"TIME_ZONE is {TIME_ZONE!r}, which is no time zone, such as Europe/London."
    ) from None
DEFAULT_REGION = env.str("DEFAULT_REGION", "GB")
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

# --- web security -----------------------------------------------------------------------------------------------------
IS_HTTPS = PUBLIC_BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# --- Lead.pro ---------------------------------------------------------------------------------------------------------
LEADPRO_API_KEY = env.str("LEADPRO_API_KEY", "")
LEADPRO_BASE_URL = env.str("LEADPRO_BASE_URL", "https://api.lead.pro/api/v103").rstrip("/")
LEADPRO_STATUSES_PATH = env.str("LEADPRO_STATUSES_PATH", "/statuses")
LEADPRO_STATUS_BY = env.str("LEADPRO_STATUS_BY", "name")
LEADPRO_REQUESTS_PER_MINUTE = env.int("LEADPRO_REQUESTS_PER_MINUTE", 60)
LEADPRO_LEAD_URL = env.str("LEADPRO_LEAD_URL", "")
if LEADPRO_STATUS_BY not in {"name", "id"}:
    raise ImproperlyConfigured(f"LEADPRO_STATUS_BY is {LEADPRO_STATUS_BY!r}; it must be name or id.")

# --- AVIV Seeker Leads ------------------------------------------------------------------------------------------------
AVIV_BASE_URL = env.str("AVIV_BASE_URL", "https://api.aviv-group.com/seeker-leads/v1").rstrip("/")
AVIV_TOKEN_URL = env.str("AVIV_TOKEN_URL", "https://auth.api.aviv-group.com/oauth/token")
AVIV_AUDIENCE = env.str("AVIV_AUDIENCE", AVIV_BASE_URL)
AVIV_CLIENT_ID = env.str("AVIV_CLIENT_ID", "")
AVIV_CLIENT_SECRET = env.str("AVIV_CLIENT_SECRET", "")
AVIV_INTERMEDIARY_ID = env.str("AVIV_INTERMEDIARY_ID", "")
AVIV_BEARER_TOKEN = env.str("AVIV_BEARER_TOKEN", "")

# --- AlterEstate ------------------------------------------------------------------------------------------------------
ALTERESTATE_API_KEY = env.str("ALTERESTATE_API_KEY", "")
ALTERESTATE_BASE_URL = env.str("ALTERESTATE_BASE_URL", "https://secure.alterestate.com/api/v1").rstrip("/")

# --- when to look again (docs/freshness.md) ---------------------------------------------------------------------------
REFRESH_FLOOR_SECONDS = env.float("REFRESH_FLOOR_SECONDS", 60)
REFRESH_COLDEST_DAYS = env.float("REFRESH_COLDEST_DAYS", 180)
for _name in ("REFRESH_FLOOR_SECONDS", "REFRESH_COLDEST_DAYS"):
    if globals()[_name] <= 0:
        raise ImproperlyConfigured(f"{_name} must be more than 0.")

# --- calls out --------------------------------------------------------------------------------------------------------
HTTP_TIMEOUT_SECONDS = env.float("HTTP_TIMEOUT_SECONDS", 10)
HTTP_TOTAL_SECONDS = env.float("HTTP_TOTAL_SECONDS", 3 * HTTP_TIMEOUT_SECONDS)
if not (HTTP_TIMEOUT_SECONDS > 0 and HTTP_TOTAL_SECONDS > 0):
    raise ImproperlyConfigured("HTTP_TIMEOUT_SECONDS and HTTP_TOTAL_SECONDS must be more than 0.")
ALLOWED_PRIVATE_NETWORKS = env.list("ALLOWED_PRIVATE_NETWORKS", default=[])
for _network in ALLOWED_PRIVATE_NETWORKS:
    try:
        ip_network(_network, strict=False)
    except ValueError:
        raise ImproperlyConfigured(
            f"ALLOWED_PRIVATE_NETWORKS: {_network!r} is no network, such as 10.0.0.0/8."
        ) from None

# --- the push engine (reliability: docs/architecture.md) --------------------------------------------------------------
PUSH_SEND_WINDOW_SECONDS = env.float("PUSH_SEND_WINDOW_SECONDS", 20)
PUSH_SETTLE_SECONDS = env.float("PUSH_SETTLE_SECONDS", 600)
PUSH_LEASE_SECONDS = env.float("PUSH_LEASE_SECONDS", 90)
PUSH_MAX_ATTEMPTS = env.int("PUSH_MAX_ATTEMPTS", 12)
PUSH_GIVE_UP_HOURS = env.float("PUSH_GIVE_UP_HOURS", 48)
for _name in ("SEND_WINDOW_SECONDS", "SETTLE_SECONDS", "LEASE_SECONDS", "MAX_ATTEMPTS", "GIVE_UP_HOURS"):
    if globals()[f"PUSH_{_name}"] < 1:
        raise ImproperlyConfigured(f"PUSH_{_name} must be 1 or more.")
if PUSH_LEASE_SECONDS <= PUSH_SEND_WINDOW_SECONDS + HTTP_TOTAL_SECONDS:
    raise ImproperlyConfigured(
        "PUSH_LEASE_SECONDS must be longer than PUSH_SEND_WINDOW_SECONDS + HTTP_TOTAL_SECONDS,"
        " or a second worker could send while the first one still does."
    )

# --- REST -------------------------------------------------------------------------------------------------------------
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", 1200)
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
RETENTION_DELIVERY_DAYS = env.int("RETENTION_DELIVERY_DAYS", 90)
RETENTION_ATTEMPT_DAYS = env.int("RETENTION_ATTEMPT_DAYS", 30)

ADMIN_USERNAME = env.str("ADMIN_USERNAME", "")
ADMIN_PASSWORD = env.str("ADMIN_PASSWORD", "")
ADMIN_EMAIL = env.str("ADMIN_EMAIL", "")

# --- logs: leadmirror/logging.py --------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise ImproperlyConfigured(f"LOG_LEVEL is {LOG_LEVEL!r}; it must be DEBUG, INFO, WARNING or ERROR.")
LOGGING = build_logging(
    debug=DEBUG,
    level=LOG_LEVEL,
    secrets=[
        SECRET_KEY,
        *FIELD_ENCRYPTION_KEYS,
        *HASH_KEYS,
        LEADPRO_API_KEY,
        AVIV_CLIENT_SECRET,
        AVIV_BEARER_TOKEN,
        ALTERESTATE_API_KEY,
        ADMIN_PASSWORD,
    ],
)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_CELERY_TASK_START_LOG_LEVEL = 10
DJANGO_STRUCTLOG_CELERY_TASK_FAILURE_LOG_LEVEL = 40
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = 10
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = 20
# Both would look where they should not: at headers that anybody may write, and at the database for a health page.
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_USER_ID_FIELD = ""

# --- Celery: it only wakes workers; rows in the database say what is due (docs/architecture.md) -----------------------
BROKER_DIR = VAR_DIR / "broker"
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "filesystem://")
CELERY_BROKER_TRANSPORT_OPTIONS = transport_options(CELERY_BROKER_URL, BROKER_DIR)
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "leadmirror"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Threads, because the work is waiting for remotes: a person's click finds a free thread while sweeps and imports run.
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = env.int("WORKER_THREADS", 8)
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 35
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"
# In memory: the only entry is the sweep, and what it finds due is in the database.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
SWEEP_SECONDS = 15.0
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "leads.sweep", "schedule": timedelta(seconds=SWEEP_SECONDS), "options": {"expires": 30}}
}
