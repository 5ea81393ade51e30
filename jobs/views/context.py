"""What every page's template may use."""

from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest


def installation(request: HttpRequest) -> Mapping[str, str]:
    """A context processor: how this installation is called."""
    return {"app_name": settings.APP_NAME}
