"""The WSGI entry point that gunicorn serves."""

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from downloader_project.clients import guarded
from downloader_project.env import setdefault

setdefault("DJANGO_SETTINGS_MODULE", "downloader_project.settings")
application = guarded(get_wsgi_application())
get_resolver().url_patterns  # noqa: B018  (loads every view now, in the process that web processes are forked from)
