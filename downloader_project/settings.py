"""What an operator may choose, in sections. The environment is read here, through `env`, and nowhere else."""

import socket
from urllib.parse import urlsplit

from downloader_project import __version__, observability
from downloader_project.env import Environment, read_env_file
from downloader_project.fixed_settings import *  # noqa: F403
from downloader_project.fixed_settings import BASE_DIR, SPECTACULAR
from jobs.engine import egress, options
from jobs.engine.contract import EgressPolicy

read_env_file(BASE_DIR / ".env")
env = ENV = Environment()

KIB, MIB, GIB = 1024, 1024**2, 1024**3

# --- Application -----------------------------------------------------------------------------------------------------
APP_NAME = env.text("APP_NAME", "Ultimate Media Downloader", "name shown on pages and in /version")
VERSION = env.text("VERSION", __version__, "version shown in /version")
ENVIRONMENT = env.text("ENVIRONMENT", "production", "name of this installation, on every line of the log")
DEBUG = env.flag("DEBUG", False, "Django's debug pages; never in production")

# --- Server ----------------------------------------------------------------------------------------------------------
HOST = env.text("HOST", "0.0.0.0", "address the web server listens on")  # noqa: S104
PORT = env.integer("PORT", 8080, "port the web server listens on", minimum=1, maximum=65535)
WORKERS = env.integer("WORKERS", 4, "web server processes", unit="processes", minimum=1)
WEB_THREADS = env.integer(
    "WEB_THREADS", 32, "threads of each web process; a slow client holds one", unit="threads", minimum=2
)
CLIENT_TIMEOUT_SECONDS = env.integer(
    "CLIENT_TIMEOUT_SECONDS",
    30,
    "how long a client may send nothing of its request, or take nothing of the answer, before it is cut off",
    unit="seconds",
    minimum=1,
)
PUBLIC_URL = env.origin(
    "PUBLIC_URL",
    "address people reach the service at, such as https://media.example.org; links in answers start with it",
)
RAILWAY_ENVIRONMENT = env.text("RAILWAY_ENVIRONMENT", "", "set by Railway")
RAILWAY_SERVICE_NAME = env.text("RAILWAY_SERVICE_NAME", "", "set by Railway; read, and used for nothing")
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
STORAGE_DIR = env.directory(
    "STORAGE_DIR",
    BASE_DIR / "data",
    "directory of the database, secrets, results and work directories (/app/data in the image); made for the service's "
    "own user only",
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
EGRESS_ALLOW = env.words(
    "EGRESS_ALLOW",
    [],
    "exceptions to the address policy: CIDR blocks or address:port",
    check=lambda entry: egress.is_allowed("192.0.2.1", 1, EgressPolicy(allow=(entry,))),
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PUBLIC_URL.startswith("https://") else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SECURE_HSTS_SECONDS = 31_536_000  # sent over TLS only
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag(
    "HSTS_INCLUDE_SUBDOMAINS",
    True,
    "whether browsers that came over https shall use it for all subdomains too; false if one of them has plain http",
)
SIGN_IN_ATTEMPTS = env.integer(
    "SIGN_IN_ATTEMPTS",
    5,
    "wrong sign-ins of one address, and for one name, before a wait of up to a minute; twice as many lead to one of "
    "up to ten minutes, and so on; 0 for no limit; behind a proxy set TRUSTED_PROXIES, or all people are one address",
    unit="attempts",
)
SIGN_IN_LONGEST_WAIT = env.integer(
    "SIGN_IN_LONGEST_WAIT", 3600, "longest wait after wrong sign-ins", unit="seconds", minimum=60
)

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

LONGEST_URL = 4096  # characters
LONGEST_JOB_SECONDS = 7200

# --- yt-dlp ----------------------------------------------------------------------------------------------------------
YTDLP_FORMAT = env.text(
    "YTDLP_FORMAT",
    "bestvideo+bestaudio/best",
    "format selector when a request names neither quality nor format",
    check=options.check_format_selector,
)
YTDLP_TIMEOUT = env.integer(
    "YTDLP_TIMEOUT",
    1800,
    "time one attempt may take when a request names none",
    unit="seconds",
    minimum=1,
    maximum=LONGEST_JOB_SECONDS,
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
END_WITH_PARENT = env.flag(
    "END_WITH_PARENT", False, "web and workers end when the process that started them dies; `manage.py run` sets it"
)
LEASE_SECONDS = env.integer(
    "LEASE_SECONDS", 15, "a running job whose worker is silent this long is taken over", unit="seconds", minimum=5
)
SHUTDOWN_GRACE_SECONDS = env.integer(
    "SHUTDOWN_GRACE_SECONDS", 10, "time a stopping service takes at most", unit="seconds", minimum=4
)
# --- Webhooks --------------------------------------------------------------------------------------------------------
WEBHOOKS_COME_LATER = "read for compatibility: webhooks come in a later version"
WEBHOOK_TIMEOUT = env.integer(
    "WEBHOOK_TIMEOUT", 30, f"time a receiver may take to answer; {WEBHOOKS_COME_LATER}", unit="seconds", minimum=1
)
WEBHOOK_RETRY_ATTEMPTS = env.integer(
    "WEBHOOK_RETRY_ATTEMPTS", 3, f"attempts of one delivery; {WEBHOOKS_COME_LATER}", unit="attempts", minimum=1
)
WEBHOOK_RETRY_DELAY = env.integer(
    "WEBHOOK_RETRY_DELAY", 5, f"wait before a delivery's second attempt; {WEBHOOKS_COME_LATER}", unit="seconds"
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

# --- Pages -----------------------------------------------------------------------------------------------------------
STATICFILES_DIRS = [env.path("STATIC_DIR", BASE_DIR / "static", "sources of the pages' style and scripts")]

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
SPECTACULAR_SETTINGS = {"TITLE": APP_NAME, "VERSION": VERSION, **SPECTACULAR}
TRUSTED_PROXIES = env.networks(
    "TRUSTED_PROXIES", "CIDR blocks of reverse proxies whose X-Forwarded-For tells the client's address"
)

# --- Logging and monitoring ------------------------------------------------------------------------------------------
LOG_LEVEL = env.text("LOG_LEVEL", "INFO", "lowest level that is logged", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.text(
    "LOG_FORMAT", "json", "json for one JSON object a line, text for people", choices=("json", "text")
)
METRICS_COME_LATER = "read for compatibility: metrics come in a later version"
ENABLE_METRICS = env.flag("ENABLE_METRICS", True, f"whether metrics are served; {METRICS_COME_LATER}")
METRICS_PORT = env.integer(
    "METRICS_PORT", 9090, f"port of the metrics endpoint; {METRICS_COME_LATER}", minimum=1, maximum=65535
)
LOGGING = observability.logging_config(level=LOG_LEVEL, log_format=LOG_FORMAT, environment=ENVIRONMENT)


env.stop_if_wrong()
