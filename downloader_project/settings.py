"""What an operator may choose, in sections. The environment is read here, through `env`, and nowhere else."""

import socket
from urllib.parse import urlsplit

from csp.constants import SELF

from downloader_project import __version__, observability, storage_url
from downloader_project.env import Environment, accel_location, admin_path, read_env_file
from downloader_project.fixed_settings import *  # noqa: F403
from downloader_project.fixed_settings import BASE_DIR, CONTENT_SECURITY_POLICY, MIDDLEWARE, SPECTACULAR
from jobs.engine import domains, egress, options
from jobs.engine.contract import EgressPolicy

read_env_file(BASE_DIR / ".env")
env = ENV = Environment()

KIB, MIB, GIB = 1024, 1024**2, 1024**3

# --- Application -----------------------------------------------------------------------------------------------------
APP_NAME = env.text("APP_NAME", "Ultimate Media Downloader", "name shown on pages and in /version")
VERSION = env.text("VERSION", __version__, "version shown in /version")
ENVIRONMENT = env.text(
    "ENVIRONMENT",
    "production",
    "name of this installation, on every line of the log; when it is set, and to production, no secret is generated: "
    "the start refuses until each is given, and refuses DEBUG",
)
IS_PRODUCTION = env.is_set("ENVIRONMENT") and ENVIRONMENT.lower() == "production"
if IS_PRODUCTION:
    env.require_secrets()
DEBUG = env.flag("DEBUG", False, "Django's debug pages; never in production")
if DEBUG and IS_PRODUCTION:
    env.problems.append("DEBUG must be off when ENVIRONMENT is production")

# --- Server ----------------------------------------------------------------------------------------------------------
HOST = env.text("HOST", "0.0.0.0", "address the web server listens on")  # noqa: S104  # nosec B104
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
STORAGE_URL = env.text(
    "STORAGE_URL",
    "",
    "where results lie: file:///directory, or s3://bucket/prefix with ?endpoint=https://…, &region=… and "
    "&addressing=auto, path or virtual, as the server needs; empty for a directory in STORAGE_DIR; see storage.md",
    check=storage_url.parse,
)
AWS_STORAGE_BUCKET_NAME = env.text(
    "AWS_STORAGE_BUCKET_NAME", "", "bucket for results when STORAGE_URL is unset", check=storage_url.bucket
)
AWS_ENDPOINT = env.text(
    "AWS_ENDPOINT_URL_S3",
    "",
    "S3 server when STORAGE_URL names none; empty for AWS_ENDPOINT_URL, then Amazon's",
    check=storage_url.checked_endpoint,
) or env.text("AWS_ENDPOINT_URL", "", "see AWS_ENDPOINT_URL_S3", check=storage_url.checked_endpoint)
AWS_REGION = env.text("AWS_REGION", "", "region of the bucket when STORAGE_URL names none") or env.text(
    "AWS_DEFAULT_REGION", "", "see AWS_REGION"
)
AWS_CREDENTIALS = {
    "access_key": env.text(
        "AWS_ACCESS_KEY_ID", "", "key for the bucket; empty for what the machine's role or ~/.aws gives"
    ),
    "secret_key": env.text("AWS_SECRET_ACCESS_KEY", "", "the secret that goes with AWS_ACCESS_KEY_ID"),
    "session_token": env.text("AWS_SESSION_TOKEN", "", "of temporary keys"),
}
STORAGE = storage_url.chosen(
    STORAGE_URL, bucket=AWS_STORAGE_BUCKET_NAME, endpoint=AWS_ENDPOINT, region=AWS_REGION, default=STORAGE_DIR / "files"
)
STORAGE_DIRECT_LINKS = env.flag(
    "STORAGE_DIRECT_LINKS",
    False,
    "whether file links lead on to the S3 server, which clients must reach then, instead of passing its bytes through",
)
STORAGE_QUOTA_BYTES = env.integer(
    "STORAGE_QUOTA_BYTES",
    0,
    "what all results may take together, running downloads included; 0 for no bound",
    unit="bytes",
)
STORAGE_HIGH_WATER = env.integer(
    "STORAGE_HIGH_WATER",
    90,
    "part of STORAGE_QUOTA_BYTES above which the oldest results are deleted before their time",
    unit="percent",
    minimum=1,
    maximum=100,
)
STORAGE_GRACE_SECONDS = env.integer(
    "STORAGE_GRACE_SECONDS",
    600,
    "how long after a result came, and after it was last fetched, it is safe from that clean-up",
    unit="seconds",
    minimum=1,
)
STORAGE_ESTIMATE_BYTES = env.integer(
    "STORAGE_ESTIMATE_BYTES",
    100 * MIB,
    "room that is reserved for a download whose size is not known yet",
    unit="bytes",
    minimum=1,
)
FILES_DIR = STORAGE.directory or STORAGE_DIR / "files"
WORK_DIR = STORAGE_DIR / "work"
ENGINE_DIR = STORAGE_DIR / "engine"
THUMBNAILS_DIR = STORAGE_DIR / "thumbnails"
FILE_RETENTION_HOURS = env.number(
    "FILE_RETENTION_HOURS", 1, "how long results are kept; 0 keeps them for ever", unit="hours"
)
MAX_RETENTION_HOURS = env.number(
    "MAX_RETENTION_HOURS",
    168,
    "how long after the end of its download a result may stay whose owner keeps it longer; 0 for no limit",
    unit="hours",
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
ACCEL_LOCATION = env.text(
    "ACCEL_LOCATION",
    "",
    "path, such as /stored/, below which an nginx in front serves the directory files of STORAGE_DIR internally: it "
    "then sends results itself (X-Accel-Redirect); empty sends them from here",
    check=accel_location,
)
THUMBNAIL_CACHE_BYTES = env.integer(
    "THUMBNAIL_CACHE_BYTES",
    256 * MIB,
    "pictures of other sites that are kept for the pages, the newest ones; none for longer than a week",
    unit="bytes",
)
STORAGES = {
    "default": STORAGE.backend(**AWS_CREDENTIALS),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if STORAGE_DIRECT_LINKS and STORAGE.bucket:
    CONTENT_SECURITY_POLICY["DIRECTIVES"] |= {
        "media-src": [SELF, *STORAGE.origins()],
        "img-src": [SELF, "data:", *STORAGE.origins()],
    }

# --- Security --------------------------------------------------------------------------------------------------------
SECRET_KEY = env.secret(
    "SECRET_KEY", STORAGE_DIR / "secrets", "signs sessions and file links; generated on the first start when unset"
)
ENCRYPTION_KEYS = env.encryption_keys(
    "ENCRYPTION_KEYS",
    STORAGE_DIR / "secrets",
    "encrypt cookies and webhook secrets in the database, the first one what is new; to change it, put a new one in "
    "front and run `manage.py rotate_cookie_keys`; generated on the first start when unset",
)
API_KEY = env.given_secret("API_KEY", "a first API key, instead of a generated one; at least 16 characters")
REQUIRE_API_KEY = env.flag("REQUIRE_API_KEY", True, "false opens the API to callers without a key")
ADMIN_USERNAME = env.text("ADMIN_USERNAME", "admin", "name of the first administrator")
ADMIN_PASSWORD = env.given_secret("ADMIN_PASSWORD", "password of the first administrator, instead of a generated one")
ALLOWED_DOMAINS = domains.listed(
    env.words(
        "ALLOWED_DOMAINS",
        [],
        "domains, each with all below it, that may be downloaded from; empty allows all",
        check=domains.listed_one,
    )
)
BLOCKED_DOMAINS = domains.listed(
    env.words(
        "BLOCKED_DOMAINS",
        [],
        "domains, each with all below it, that nothing is fetched from, whatever ALLOWED_DOMAINS says",
        check=domains.listed_one,
    )
)
ALLOW_YT_DOWNLOADS = env.flag("ALLOW_YT_DOWNLOADS", False, "whether links to YouTube are accepted")
ALLOW_PRIVATE_ADDRESSES = env.flag(
    "ALLOW_PRIVATE_ADDRESSES", False, "whether downloads and webhooks may reach loopback and private networks"
)
EGRESS_ALLOW = env.words(
    "EGRESS_ALLOW",
    [],
    "exceptions to the address policy: CIDR blocks or address:port",
    check=lambda entry: egress.is_allowed("192.0.2.1", 1, EgressPolicy(allow=(entry,))),
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PUBLIC_URL.startswith("https://") else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SECURE_HSTS_SECONDS = 31_536_000  # sent over TLS only
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag(
    "HSTS_INCLUDE_SUBDOMAINS",
    True,
    "whether browsers that came over https shall use it for all subdomains too; false if one of them has plain http",
)
ADMIN_PATH = env.text(
    "ADMIN_PATH",
    "admin/",
    "path of the administration's pages; another one keeps scanners away, and opens nothing by being known",
    check=admin_path,
)
ADMIN_PATH = admin_path(ADMIN_PATH)
REQUIRE_STAFF_OTP = env.flag(
    "REQUIRE_STAFF_OTP",
    False,
    "whether staff must set up one-time codes before they do anything in a browser; each may in any case",
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
MAX_DOWNLOADS_PER_HOST = env.integer(
    "MAX_DOWNLOADS_PER_HOST",
    4,
    "downloads that run at once from one host name, on all worker hosts together; 0 for no limit",
    unit="downloads",
)
SITE_SLOW_AFTER = env.integer(
    "SITE_SLOW_AFTER",
    2,
    "answers such as 429 in a row after which only one download at a time runs from that host name; 0 for never",
    unit="answers",
)
SITE_HOLD_AFTER = env.integer(
    "SITE_HOLD_AFTER",
    3,
    "answers such as 429 in a row after which no download from that host name starts for a while; 0 for never",
    unit="answers",
)
SITE_HOLD_SECONDS = env.integer(
    "SITE_HOLD_SECONDS", 600, "how long that is for the first time; it doubles each time", unit="seconds", minimum=1
)
SITE_HOLD_SECONDS_MAX = env.integer("SITE_HOLD_SECONDS_MAX", 7200, "how long it is at most", unit="seconds", minimum=1)
CANARY_MINUTES = env.integer(
    "CANARY_MINUTES",
    30,
    "how often each of the operators' probe links is read, to notice early when a site fails; 0 for never",
    unit="minutes",
)
QUEUE_LIMIT = env.integer(
    "QUEUE_LIMIT", 10_000, "jobs that may wait; one more is answered with QUEUE_FULL", unit="jobs", minimum=1
)
MAX_CONCURRENT_EXTRACTIONS = env.integer(
    "MAX_CONCURRENT_EXTRACTIONS",
    4,
    "pages that are read at once on one worker host for formats, metadata and lists",
    unit="pages",
    minimum=1,
)
EXTRACTION_QUEUE_LIMIT = env.integer(
    "EXTRACTION_QUEUE_LIMIT",
    200,
    "pages that may wait to be read; one more is answered with QUEUE_FULL",
    unit="pages",
    minimum=1,
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
MAX_COOKIE_BYTES = env.integer(
    "MAX_COOKIE_BYTES", 256 * KIB, "cookies of one jar, in Netscape's format", unit="bytes", minimum=KIB
)
MAX_COOKIE_JARS = env.integer("MAX_COOKIE_JARS", 50, "cookie jars of one owner", unit="jars", minimum=1)
QUOTA_RUNNING_JOBS = env.integer(
    "QUOTA_RUNNING_JOBS",
    0,
    "downloads that run at once for one user without an allowance of its own; more wait; 0 for no limit",
    unit="downloads",
)
QUOTA_JOBS_PER_DAY = env.integer(
    "QUOTA_JOBS_PER_DAY",
    0,
    "downloads in any 24 hours of one user without an allowance of its own; 0 for no limit",
    unit="downloads",
)
QUOTA_STORED_BYTES = env.integer(
    "QUOTA_STORED_BYTES",
    0,
    "results that are kept for one user without an allowance of its own; 0 for no limit",
    unit="bytes",
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
    check=options.check_format_selector_apart,
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
EXTRACTION_TIMEOUT_SECONDS = env.integer(
    "EXTRACTION_TIMEOUT_SECONDS",
    30,
    "time that reading one page for formats, metadata or a list may take",
    unit="seconds",
    minimum=1,
    maximum=300,
)
EXTRACTION_CACHE_SECONDS = env.integer(
    "EXTRACTION_CACHE_SECONDS",
    300,
    "how long what a page told answers equal questions, and serves a download that follows; 0 asks the site each time",
    unit="seconds",
)
LIST_WAIT_SECONDS = env.integer(
    "LIST_WAIT_SECONDS",
    5,
    "how long the answer to the download of a playlist or channel waits for its list; a slower one is filled in later",
    unit="seconds",
)
MAX_LIVE_DURATION_SECONDS = env.integer(
    "MAX_LIVE_DURATION_SECONDS",
    0,
    "longest recording of a live stream, which then ends successfully; 0 for nine tenths of the time of its attempt, "
    "which no recording outlasts",
    unit="seconds",
)
SPONSORBLOCK_API_URL = env.origin(
    "SPONSORBLOCK_API_URL",
    "address of the SponsorBlock service, asked only for downloads from YouTube that want it; empty for the public one",
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
WEBHOOK_TIMEOUT = env.integer(
    "WEBHOOK_TIMEOUT",
    30,
    "time that sending one message and reading the answer may take together",
    unit="seconds",
    minimum=1,
)
WEBHOOK_RETRY_ATTEMPTS = env.integer(
    "WEBHOOK_RETRY_ATTEMPTS", 3, "attempts at one message before it is given up", unit="attempts", minimum=1
)
WEBHOOK_RETRY_DELAY = env.integer(
    "WEBHOOK_RETRY_DELAY",
    5,
    "wait before the second attempt at a message; doubles each time, with jitter",
    unit="seconds",
)
WEBHOOK_LOG_DAYS = env.integer(
    "WEBHOOK_LOG_DAYS",
    30,
    "how long messages and their attempts are kept, to look at and send again",
    unit="days",
    minimum=1,
)
MAX_WEBHOOKS = env.integer("MAX_WEBHOOKS", 20, "stored webhook endpoints of one owner", unit="endpoints", minimum=1)

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
    DATABASES["default"] |= {
        "CONN_HEALTH_CHECKS": True,  # a pool keeps connections that a restart of the server has broken
        "OPTIONS": {
            # A peer that is cut off must neither keep a worker waiting for longer than its lease, nor hold its locks.
            "connect_timeout": 5,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 8000,
            "options": "-c idle_in_transaction_session_timeout=30s -c tcp_keepalives_idle=5"
            " -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=8s",
            **DATABASES["default"].get("OPTIONS", {}),
            "pool": {"min_size": 1, "max_size": DATABASE_POOL_SIZE, "timeout": 10},
        },
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
STATICFILES_DIRS = [
    env.path("STATIC_DIR", BASE_DIR / "static", "sources of the pages' style and scripts"),
    ("pictures", BASE_DIR / "docs" / "pictures"),  # of the manual
]

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
ENABLE_METRICS = env.flag("ENABLE_METRICS", True, "whether figures for Prometheus are kept and served")
METRICS_NETWORKS = env.networks(
    "METRICS_NETWORKS",
    "CIDR blocks that may read /api/v1/metrics without a key of the scope admin",
    ["127.0.0.0/8", "::1/128"],
)
METRICS_HOST = env.text(
    "METRICS_HOST",
    "",
    "address of a port of its own for metrics, where no key is asked for, such as 0.0.0.0; empty for none",
)
METRICS_PORT = env.integer("METRICS_PORT", 9090, "that port; used with METRICS_HOST only", minimum=1, maximum=65535)
METRICS_SITES = env.integer(
    "METRICS_SITES", 50, "sites that metrics tell apart; the others are counted together", unit="sites"
)
YTDLP_OLD_DAYS = env.integer(
    "YTDLP_OLD_DAYS", 60, "age of yt-dlp from which health and alerts warn of it", unit="days", minimum=1
)
if ENABLE_METRICS:
    MIDDLEWARE = [
        "media_api.metrics.requests.BeforeMiddleware",
        *MIDDLEWARE,
        "media_api.metrics.requests.AfterMiddleware",
    ]
LOGGING = observability.logging_config(level=LOG_LEVEL, log_format=LOG_FORMAT, environment=ENVIRONMENT)


env.stop_if_wrong()
