"""The WSGI entry point that gunicorn serves."""

import importlib

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from downloader_project.clients import Application, guarded
from downloader_project.env import setdefault
from downloader_project.languages import load_catalogues
from jobs.optional import without
from jobs.templatetags import icons

setdefault("DJANGO_SETTINGS_MODULE", "downloader_project.settings")
django.setup()
with without("django.contrib.postgres", "pygments", "requests"):  # 9 MB, for parts of it that nobody uses here
    importlib.import_module("rest_framework.compat")
application: Application = get_wsgi_application()
if settings.ENABLE_METRICS:
    importlib.import_module("media_api.metrics.database").count_queries()
    if settings.METRICS_HOST:
        application = importlib.import_module("media_api.metrics.port").with_metrics_port(application)
application = guarded(application)
load_catalogues()
icons.archive()
get_resolver().url_patterns  # noqa: B018  (loads every view now, in the process that web processes are forked from)
