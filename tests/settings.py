"""Settings of the test run: the service's own, with every file in a directory that is thrown away."""

import atexit
import os
import shutil
import tempfile
import zlib
from pathlib import Path

_directory = Path(os.environ.get("TEST_STORAGE_DIR") or tempfile.mkdtemp(prefix="media-tests-"))
if "TEST_STORAGE_DIR" not in os.environ:
    atexit.register(shutil.rmtree, _directory, ignore_errors=True)

for name in list(os.environ):
    is_chosen = name.endswith(("_URL", "API_KEY", "ADMIN_PASSWORD")) or name.startswith("AWS_")
    if is_chosen and not name.startswith("TEST_"):
        del os.environ[name]
os.environ["ENV_FILE"] = os.devnull
os.environ["STORAGE_DIR"] = str(_directory)
os.environ["LOG_FORMAT"] = "text"
os.environ["RATE_LIMIT_PER_MINUTE"] = "0"
os.environ["RATE_LIMIT_PER_HOUR"] = "0"
if database_url := os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = database_url

from downloader_project.settings import *  # noqa: E402, F403
from downloader_project.settings import BASE_DIR, DATABASES, STORAGES  # noqa: E402

DATABASES["default"].get("OPTIONS", {}).pop("pool", None)
DATABASES["default"]["TEST"] = {"NAME": f"test_media_{zlib.crc32(str(BASE_DIR).encode()):x}"}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A real file: several connections, threads and processes behave as in service.
    DATABASES["default"]["TEST"] = {"NAME": str(_directory / "test.sqlite3")}
STATIC_ROOT = _directory / "static"
MANUAL_ROOT = _directory / "manual"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
