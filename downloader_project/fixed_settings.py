"""What is set the same everywhere: how the libraries are put together. What an operator may choose is in `settings`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF

BASE_DIR = Path(__file__).resolve().parent.parent

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
    "django_htmx",
    "jobs.apps.QueueConfig",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "accounts",
    "jobs",
    "media_api",
]
MIDDLEWARE = [
    "downloader_project.observability.RequestLogMiddleware",
    # Headers come before whatever may answer or fail: static files and errors have them too.
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "downloader_project.headers.ListedHeadersMiddleware",
    "downloader_project.caching.KeptNowhereMiddleware",
    "media_api.traffic.TrafficMiddleware",
    "media_api.links.OriginMiddleware",
    "media_api.errors.EnvelopeMiddleware",
    "downloader_project.compression.PageCompressionMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "downloader_project.languages.PageLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.gate.StaffGateMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "downloader_project.unstorable.UnstorableMiddleware",
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
            ],
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
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "language"  # what somebody has chosen; without it, the browser's wish counts
LANGUAGE_COOKIE_AGE = int(timedelta(days=365).total_seconds())
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
MANUAL_ROOT = BASE_DIR / "build" / "manual"
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("map", "png", "jpg", "jpeg", "webp", "gif", "woff", "woff2", "gz", "br")
DEFAULT_EXCEPTION_REPORTER_FILTER = "downloader_project.debug_pages.SettingsFilter"
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())

# --- Headers ---------------------------------------------------------------------------------------------------------
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W008",  # TLS ends at the proxy in front, which redirects: a redirect from here would lose a POST's body
    "security.W021",  # browsers' preload lists bind a whole domain, with all its subdomains: its owner's decision
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "frame-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY = ("geolocation", "microphone", "camera")  # what no page may use
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

# --- API -------------------------------------------------------------------------------------------------------------
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
SPECTACULAR: dict[str, Any] = {
    "DESCRIPTION": "Paste a link, get a verified file.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["media_api.schema.without_twins"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "media_api.schema.with_nulls",
        "media_api.schema.with_error_codes",
        "media_api.schema.with_files",
        "media_api.schema_links.with_links",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "JobStatus": "media_api.serializers.downloads.STATUSES",
        "ProgressStatus": "media_api.serializers.downloads.PROGRESS_STATUSES",
        "OldStatus": "media_api.compat.STATUSES",
        "HealthStatus": "media_api.views.health.HEALTH_STATUSES",
        "CheckStatus": "media_api.views.health.CHECK_STATUSES",
        "WebhookEvent": "media_api.serializers.webhooks.EVENTS",
        "DeliveryState": "media_api.serializers.webhooks.DELIVERY_STATES",
        "CookieStatus": "media_api.serializers.cookies.STATUSES",
        "CookieTestResult": "media_api.serializers.cookies.TEST_RESULTS",
        "PageStatus": "media_api.serializers.metadata.STATUSES",
        "CodeEnum": "media_api.schema.CODES",
        "FailureCode": "media_api.schema.FAILURE_CODES",
    },
}
RATELIMIT_USE_CACHE = "default"
PROMETHEUS_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, float("inf"))
