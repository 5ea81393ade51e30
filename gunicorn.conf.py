"""How gunicorn serves the web processes. Values come from the service's settings."""

import gc
import importlib
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from gunicorn.arbiter import Arbiter
from gunicorn.http.message import Request
from gunicorn.http.wsgi import Response
from gunicorn.workers.base import Worker

from downloader_project.env import assign
from downloader_project.lifetime import die_with_parent
from downloader_project.rehearsal import rehearse
from jobs.engine import environment
from media_api.metrics import processes

try:
    from downloader_project import settings
    from downloader_project.web_worker import discard_body
except ImproperlyConfigured as error:
    sys.exit(f"{error}")

bind = [f"{settings.HOST}:{settings.PORT}"]
if settings.ENABLE_METRICS and settings.METRICS_HOST:
    bind.append(f"{settings.METRICS_HOST}:{settings.METRICS_PORT}")
workers = settings.WORKERS
worker_class = "downloader_project.web_worker.Worker"  # threads: a sync worker is killed in a long transfer
threads = settings.WEB_THREADS
preload_app = True
graceful_timeout = settings.SHUTDOWN_GRACE_SECONDS
keepalive = 30
limit_request_line = 8190  # the most that gunicorn takes; a link of LONGEST_URL in a query is longer than its 4094
control_socket_disable = True
forwarder_headers = ""  # else every client on loopback, and behind a proxy there, says where the application stands
logconfig_dict = settings.LOGGING
proc_name = "media-web"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

places = processes.of_this_server() if settings.ENABLE_METRICS else None
if places is not None:
    assign(processes.DIRECTORY_VARIABLE, str(places.directory))
    importlib.import_module("media_api.metrics.counting").share(places.directory, places.mine)


def on_starting(server: Arbiter) -> None:
    """Before anything is forked. With END_WITH_PARENT, do not outlive the program that runs the Procfile."""
    environment.hide()
    if settings.END_WITH_PARENT:
        die_with_parent()


def post_request(worker: Worker, req: Request, environ: dict[str, Any], resp: Response | None) -> None:
    """In the request's thread, when its answer is sent."""
    if "gunicorn.socket" in environ:
        discard_body(req, environ["gunicorn.socket"])


def when_ready(server: Arbiter) -> None:
    """Load what every request needs, and keep it in memory pages that all processes share."""
    rehearse(server.app.wsgi())
    if places is not None:
        places.forget_rehearsal()
    gc.collect()
    gc.freeze()


def pre_fork(server: Arbiter, worker: Worker) -> None:
    if places is not None:
        places.reserve(worker)


def post_fork(server: Arbiter, worker: Worker) -> None:
    if places is not None:
        places.take(worker)


def child_exit(server: Arbiter, worker: Worker) -> None:
    if places is not None:
        places.free(worker)


def on_exit(server: Arbiter) -> None:
    if places is not None:
        places.remove()
