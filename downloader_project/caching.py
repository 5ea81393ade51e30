"""What may be kept of an answer that does not say so itself: nothing, anywhere. Static files say it themselves."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

KEPT_NOWHERE = "private, no-store"


class KeptNowhereMiddleware:
    """Almost every answer is somebody's own. A proxy in front must not give it to the next one who asks, for it does
    not know that `X-API-Key` tells them apart; nor must a browser show it after its owner has signed out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", KEPT_NOWHERE)
        return response
