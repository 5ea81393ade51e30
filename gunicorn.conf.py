"""How gunicorn serves the web processes. Values come from the service's settings."""

import gc
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from gunicorn.arbiter import Arbiter

from downloader_project.rehearsal import rehearse

try:
    from downloader_project import settings
except ImproperlyConfigured as error:
    sys.exit(f"{error}")

bind = f"{settings.HOST}:{settings.PORT}"
workers = settings.WORKERS
worker_class = "gthread"  # a sync worker would be killed in the middle of a long transfer
threads = settings.WEB_THREADS
preload_app = True
graceful_timeout = settings.SHUTDOWN_GRACE_SECONDS
keepalive = 30
control_socket_disable = True
logconfig_dict = settings.LOGGING
proc_name = "media-web"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def when_ready(server: Arbiter) -> None:
    """Load what every request needs, and keep it in memory pages that all processes share."""
    rehearse(server.app.wsgi())
    gc.collect()
    gc.freeze()
