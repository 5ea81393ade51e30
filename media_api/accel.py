"""Lets nginx in front send the bytes of results: `X-Accel-Redirect`. Who may have a file is decided before."""

from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages
from django.http import HttpResponse

from jobs.models import MediaFile


def is_wanted() -> bool:
    """Whether the operator says that such an nginx is there, and results are files that it can read."""
    return bool(settings.ACCEL_LOCATION) and isinstance(storages["default"], FileSystemStorage)


def handed_over(file: MediaFile) -> HttpResponse:
    """An empty answer that names the file. nginx deals with ranges and conditions, by an ETag of its own."""
    path = f"{settings.ACCEL_LOCATION}{quote(file.path)}"
    return HttpResponse(headers={"X-Accel-Redirect": path}, content_type=file.mime_type)
