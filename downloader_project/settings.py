"""All settings of the service, in sections. The environment is read here, through `env`, and nowhere else."""

import socket
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF

from downloader_project import __version__, observability
from downloader_project.env import Environment, read_env_file

BASE_DIR = Path(__file__).resolve().parent.parent
read_env_file(BASE_DIR / ".env")
env = ENV = Environment()

KIB, MIB, GIB = 1024, 1024**2, 1024**3

# --- Application -----------------------------------------------------------------------------------------------------
APP_NAME = env.text("APP_NAME", "Ultimate Media Downloader", "name shown on pages and in /version")
VERSION = env.text("VERSION", __version__, "version shown in /version")
ENVIRONMENT = env.text("ENVIRONMENT", "production", "name of this installation, shown in logs")
DEBUG = env.flag("DEBUG", False, "Django's debug pages; never in production")

# --- Server ----------------------------------------------------------------------------------------------------------
HOST = env.text("HOST", "0.0.0.0", "address the web server listens on")  # noqa: S104
PORT = env.integer("PORT", 8080, "port the web server listens on", minimum=1, maximum=65535)
WORKERS = env.integer("WORKERS", 4, "web server processes", unit="processes", minimum=1)
WEB_THREADS = env.integer(
    "WEB_THREADS", 32, "threads of each web process; a slow client holds one", unit="threads", minimum=2
)
PUBLIC_URL = env.text(
    "PUBLIC_URL",
    "",
    "address people reach the service at, such as https://media.example.org; links in answers start with it",
).rstrip("/")
RAILWAY_ENVIRONMENT = env.text("RAILWAY_ENVIRONMENT", "", "set by Railway")
RAILWAY_SERVICE_NAME = env.text("RAILWAY_SERVICE_NAME", "", "set by Railway")
RAILWAY_DOMAIN = env.text("RAILWAY_STATIC_URL", "", "set by Railway") or env.text(
    "RAILWAY_PUBLIC_DOMAIN", "", "set by Railway"
)
if RAILWAY_ENVIRONMENT and RAILWAY_DOMAIN and not PUBLIC_URL:
    PUBLIC_URL = f"https://{RAILWAY_DOMAIN}"
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or ""
HOSTNAME = socket.gethostname().lower()
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS",
    ["localhost", "127.0.0.1", "[::1]", HOSTNAME],
    "host names the service answers to, by default also this machine's; the host of PUBLIC_URL is always one",
)
ALLOWED_HOSTS += [PUBLIC_HOST] if PUBLIC_HOST else []

# --- Storage ---------------------------------------------------------------------------------------------------------
STORAGE_DIR = env.path(
    "STORAGE_DIR",
    BASE_DIR / "data",
    "directory of the database, secrets, results and work directories (/app/data in the image)",
)
FILES_DIR = STORAGE_DIR / "files"
WORK_DIR = STORAGE_DIR / "work"
FILE_RETENTION_HOURS = env.number(
    "FILE_RETENTION_HOURS", 1, "how long results are kept; 0 keeps them for ever", unit="hours"
)
MAX_FILE_SIZE_BYTES = env.integer(
    "MAX_FILE_SIZE_BYTES", 10 * GIB, "largest result of one download", unit="bytes", minimum=1
)
FREE_DISK_FLOOR_BYTES = env.integer(
    "FREE_DISK_FLOOR_BYTES", 512 * MIB, "downloads stop when less than this is free", unit="bytes"
)
FILE_LINK_SECONDS = env.integer(
    "FILE_LINK_SECONDS", 3600, "how long a signed file link works", unit="seconds", minimum=1
)
STORAGES = {
    "default": {"BACKEND": "jobs.storage.LocalStorage", "OPTIONS": {"location": FILES_DIR, "base_url": None}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Security --------------------------------------------------------------------------------------------------------
SECRET_KEY = env.secret(
    "SECRET_KEY", STORAGE_DIR / "secrets", "signs sessions and file links; generated on the first start when unset"
)
API_KEY = env.text("API_KEY", "", "a first API key, instead of a generated one; at least 16 characters")
REQUIRE_API_KEY = env.flag("REQUIRE_API_KEY", True, "false opens the API to callers without a key")
ADMIN_USERNAME = env.text("ADMIN_USERNAME", "admin", "name of the first administrator")
ADMIN_PASSWORD = env.text("ADMIN_PASSWORD", "", "password of the first administrator, instead of a generated one")
ALLOWED_DOMAINS = env.words("ALLOWED_DOMAINS", [], "domains that may be downloaded from; empty allows all")
ALLOW_YT_DOWNLOADS = env.flag("ALLOW_YT_DOWNLOADS", False, "whether links to YouTube are accepted")
ALLOW_PRIVATE_ADDRESSES = env.flag(
    "ALLOW_PRIVATE_ADDRESSES", False, "whether downloads may reach loopback and private networks"
)
EGRESS_ALLOW = env.words("EGRESS_ALLOW", [], "exceptions to the address policy: CIDR blocks or address:port")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PUBLIC_URL.startswith("https://") else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {"geolocation": [], "microphone": [], "camera": []}

# --- Limits ----------------------------------------------------------------------------------------------------------
MAX_CONCURRENT_DOWNLOADS = env.integer(
    "MAX_CONCURRENT_DOWNLOADS", 10, "downloads that run at once on one worker host", unit="downloads", minimum=1
)
SHORT_TASK_WORKERS = env.integer(
    "SHORT_TASK_WORKERS", 2, "worker processes kept for short work beside the downloads", unit="processes", minimum=1
)
QUEUE_LIMIT = env.integer(
    "QUEUE_LIMIT", 10_000, "jobs that may wait; one more is answered with QUEUE_FULL", unit="jobs", minimum=1
)
RATE_LIMIT_PER_MINUTE = env.integer(
    "RATE_LIMIT_PER_MINUTE",
    60,
    "API calls of one key, or of one address without a key; 0 for no limit",
    unit="requests",
)
RATE_LIMIT_PER_HOUR = env.integer(
    "RATE_LIMIT_PER_HOUR",
    1000,
    "API calls of one key, or of one address without a key; 0 for no limit",
    unit="requests",
)
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer(
    "MAX_REQUEST_BODY_BYTES", 2 * MIB, "largest request body", unit="bytes", minimum=KIB
)

# --- yt-dlp ----------------------------------------------------------------------------------------------------------
YTDLP_FORMAT = env.text(
    "YTDLP_FORMAT", "bestvideo+bestaudio/best", "format selector when a request names neither quality nor format"
)
YTDLP_TIMEOUT = env.integer(
    "YTDLP_TIMEOUT", 1800, "time one attempt may take when a request names none", unit="seconds", minimum=1
)
YTDLP_PROGRESS_TIMEOUT = env.integer(
    "YTDLP_PROGRESS_TIMEOUT",
    300,
    "time without progress after which an attempt counts as stalled",
    unit="seconds",
    minimum=1,
)
MAX_CHILD_MEMORY_BYTES = env.integer(
    "MAX_CHILD_MEMORY_BYTES", 2 * GIB, "resident memory of one download and its tools", unit="bytes", minimum=64 * MIB
)
FFMPEG_LOCATION = env.text(
    "FFMPEG_LOCATION", "", "directory of ffmpeg and ffprobe; empty looks on the PATH, then takes the bundled ffmpeg"
)
MAX_ATTEMPTS = env.integer(
    "MAX_ATTEMPTS", 4, "attempts of one job before it fails for good", unit="attempts", minimum=1
)
RETRY_DELAY = env.number(
    "RETRY_DELAY", 5, "wait before the second attempt; doubles each time, with jitter", unit="seconds"
)
RETRY_DELAY_MAX = env.number("RETRY_DELAY_MAX", 600, "longest wait between attempts", unit="seconds")

# --- Workers ---------------------------------------------------------------------------------------------------------
LEASE_SECONDS = env.integer(
    "LEASE_SECONDS", 15, "a running job whose worker is silent this long is taken over", unit="seconds", minimum=5
)
SHUTDOWN_GRACE_SECONDS = env.integer(
    "SHUTDOWN_GRACE_SECONDS", 10, "time a stopping service takes at most", unit="seconds", minimum=4
)
LONGEST_JOB_SECONDS = 7200

# --- Webhooks --------------------------------------------------------------------------------------------------------
WEBHOOK_TIMEOUT = env.integer("WEBHOOK_TIMEOUT", 30, "time a receiver may take to answer", unit="seconds", minimum=1)
WEBHOOK_RETRY_ATTEMPTS = env.integer(
    "WEBHOOK_RETRY_ATTEMPTS", 3, "attempts of one delivery", unit="attempts", minimum=1
)
WEBHOOK_RETRY_DELAY = env.integer(
    "WEBHOOK_RETRY_DELAY", 5, "wait before the second attempt of a delivery", unit="seconds"
)

# --- Database and cache ----------------------------------------------------------------------------------------------
REDIS_URL = env.text(
    "REDIS_URL", "", "Redis for cache and wake-ups, such as redis://localhost:6379/0; empty does without"
)
DATABASE_POOL_SIZE = env.integer(
    "DATABASE_POOL_SIZE", 10, "PostgreSQL connections of one web process", unit="connections", minimum=1
)
DATABASES = {
    "default": env.database(
        "DATABASE_URL",
        f"sqlite:///{STORAGE_DIR}/db.sqlite3",
        "postgres://… for production; SQLite in STORAGE_DIR when unset",
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"] |= {
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # Writers queue up: without IMMEDIATE, concurrent ones fail with "database is locked".
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": DATABASE_POOL_SIZE,
        "timeout": 10,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {
        "BACKEND": "accounts.limits.AtomicDatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
RATELIMIT_USE_CACHE = "default"
SILENCED_SYSTEM_CHECKS = [
    "django_ratelimit.E003",  # the check knows no subclass of the database cache; ours increments atomically
    "django_ratelimit.W001",
]

# --- Queue: django-q2 carries wake-ups, never state ------------------------------------------------------------------
Q_CLUSTER = {
    "name": "media",
    "workers": MAX_CONCURRENT_DOWNLOADS + SHORT_TASK_WORKERS,
    "timeout": LONGEST_JOB_SECONDS + 600,
    "retry": LONGEST_JOB_SECONDS + 4200,
    "max_attempts": 1,
    "ack_failures": True,
    "queue_limit": 1,
    "bulk": 1,
    "poll": 0.05,
    "save_limit": -1,
    "catch_up": False,
    "scheduler": False,
    "cache": "process",  # its status reports, written twice a second, which nobody reads
    "label": "Wake-ups",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}

# --- Django ----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "csp",
    "django_filters",
    "django_htmx",
    "django_q",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "lucide",
    "rest_framework",
    "accounts",
    "jobs",
    "media_api",
]
MIDDLEWARE = [
    "downloader_project.observability.RequestLogMiddleware",
    "media_api.errors.EnvelopeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "downloader_project.urls"
WSGI_APPLICATION = "downloader_project.wsgi.application"
APPEND_SLASH = False  # every API path works with and without a slash; a redirect would lose a POST's body
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
                "jobs.views.context.installation",
            ]
        },
    }
]
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "jobs:home"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("map", "png", "jpg", "jpeg", "webp", "gif", "woff", "woff2", "gz", "br")
STATICFILES_DIRS = [env.path("STATIC_DIR", BASE_DIR / "static", "sources of the pages' style and scripts")]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

# --- API -------------------------------------------------------------------------------------------------------------
DISABLE_DOCS = env.flag("DISABLE_DOCS", False, "hides /docs, /redoc and /openapi.json")
CORS_ALLOWED_ORIGINS = env.words(
    "CORS_ORIGINS", ["*"], "web origins that may call the API from a browser; * for all, then without credentials"
)
CORS_ALLOW_ALL_ORIGINS = "*" in CORS_ALLOWED_ORIGINS
CORS_ALLOWED_ORIGINS = [origin for origin in CORS_ALLOWED_ORIGINS if origin != "*"]
CORS_ALLOW_CREDENTIALS = (
    env.flag("CORS_ALLOW_CREDENTIALS", True, "whether those origins may send cookies; never together with *")
    and not CORS_ALLOW_ALL_ORIGINS
)
CORS_URLS_REGEX = r"^/(api|files|version)"
CORS_ALLOW_HEADERS = [*default_headers, "X-API-Key", "X-Request-ID", "Idempotency-Key", "Range", "If-Range"]
CORS_EXPOSE_HEADERS = [
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Idempotent-Replayed",
    "X-Request-ID",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "Retry-After",
    "Location",
]
TRUSTED_PROXIES = env.words(
    "TRUSTED_PROXIES", [], "CIDR blocks of reverse proxies whose X-Forwarded-For tells the client's address"
)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.MayCall"],
    "DEFAULT_THROTTLE_CLASSES": ["media_api.throttling.CallThrottle"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "media_api.parsers.BoundedJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "media_api.schema.Schema",
    "EXCEPTION_HANDLER": "media_api.errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": APP_NAME,
    "VERSION": VERSION,
    "DESCRIPTION": "Paste a link, get a verified file.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["media_api.schema.without_slash_twins"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "media_api.schema.with_error_codes",
        "media_api.schema.with_files",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "JobStatus": "media_api.serializers.downloads.STATUSES",
        "ProgressStatus": "media_api.serializers.downloads.PROGRESS_STATUSES",
        "HealthStatus": "media_api.views.health.HEALTH_STATUSES",
        "CheckStatus": "media_api.views.health.CHECK_STATUSES",
    },
}

# --- Logging and monitoring ------------------------------------------------------------------------------------------
LOG_LEVEL = env.text("LOG_LEVEL", "INFO", "lowest level that is logged", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.text(
    "LOG_FORMAT", "json", "json for one JSON object a line, text for people", choices=("json", "text")
)
ENABLE_METRICS = env.flag("ENABLE_METRICS", True, "whether metrics are served")
METRICS_PORT = env.integer("METRICS_PORT", 9090, "port of the metrics endpoint", minimum=1, maximum=65535)
LOGGING = observability.logging_config(level=LOG_LEVEL, log_format=LOG_FORMAT)

SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())

env.stop_if_wrong()
