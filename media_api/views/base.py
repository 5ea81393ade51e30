"""What every call of `/api/v1` has in common: limits, their headers, bounded bodies, pages only for people."""

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.viewsets import ViewSet

from media_api.errors import Code
from media_api.throttling import CallThrottle, Usage


class ApiViewSet(ViewSet):
    """A view set whose calls are counted before anything can refuse them, wrong keys included.

    Not counted are bodies of signed-in people that cannot be read, and calls that the database gives no answer to.
    """

    # Errors that an action can answer with besides those that follow from its method and path; for the documentation.
    can_fail_with: dict[str, tuple[Code, ...]] = {}
    missing = Code.JOB_NOT_FOUND  # what an unknown id is answered with
    tag = ""  # the heading it stands under there
    usage: Usage | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only who may call is waited for: half a body must not hold a thread for a stranger."""
        super().initial(request, *args, **kwargs)
        # Raises for a body above the limit; the framework's parsers have none.
        request._request.META["CONTENT_LENGTH"] = str(len(request._request.body))  # unknown so far if it came in chunks

    def perform_authentication(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        except APIException:
            self._count(request)
            raise
        self._count(request)

    def check_throttles(self, request: Request) -> None:
        """Nothing: the call was counted when its caller was known."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        if self.usage is not None:
            for name, value in self.usage.headers().items():
                final.headers[name] = value
        return final

    def get_renderers(self) -> list[BaseRenderer]:
        """JSON; the browsable pages only for people who are signed in, so that programs always get JSON errors."""
        renderers = super().get_renderers()
        user = getattr(getattr(self.request, "_request", None), "user", None)
        if user is not None and user.is_authenticated:
            return renderers
        return [renderer for renderer in renderers if not isinstance(renderer, BrowsableAPIRenderer)]

    def _count(self, request: Request) -> None:
        for throttle in self.get_throttles():
            allowed = throttle.allow_request(request, self)
            self.usage = throttle.tightest if isinstance(throttle, CallThrottle) else None
            if not allowed:
                self.throttled(request, _wait(throttle))


def _wait(throttle: BaseThrottle) -> float:
    return throttle.wait() or 1.0
