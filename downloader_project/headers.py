"""Headers that no library sets as the customer's list has them, and those of answers that no middleware sees."""

from collections.abc import Callable, Mapping

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse


class ListedHeadersMiddleware:
    """Sets `X-XSS-Protection` and `Permissions-Policy`, the latter literally as listed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in _listed().items():
            response.headers[name] = value
        return response


def bare() -> Mapping[str, str]:
    """The headers of answers that the web server gives without the application."""
    return {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Content-Security-Policy": build_policy(),
        **_listed(),
    }


def _listed() -> dict[str, str]:
    """Browsers of today ignore the first one; for those that heed it, `block` is the harmless setting."""
    return {
        "X-XSS-Protection": "1; mode=block",
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in settings.PERMISSIONS_POLICY),
    }
