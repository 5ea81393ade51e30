"""The WSGI entry point that gunicorn serves."""

from django.core.wsgi import get_wsgi_application

from downloader_project.env import setdefault

setdefault("DJANGO_SETTINGS_MODULE", "downloader_project.settings")
application = get_wsgi_application()
