"""`/api/v1/metrics`: figures for Prometheus, for this machine, for networks that the operator names, and for keys of
the scope admin.
"""

import ipaddress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import AuthenticationFailed, NotFound, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import keys
from accounts.addresses import client_address
from accounts.authentication import ApiKeyAuthentication
from accounts.models import ApiKey, Scope
from media_api import throttling
from media_api.errors import Code
from media_api.examples import downloads as examples

FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


class MayReadMetrics(BasePermission):
    """Callers from METRICS_NETWORKS, and keys of the scope admin."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if isinstance(request.auth, ApiKey):
            if not keys.allows(request.auth, Scope.ADMIN):
                raise PermissionDenied("This API key lacks the scope “admin”.")
            return True
        return is_from_named_network(request._request)


class Metrics(APIView):
    tag = "service"
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (MayReadMetrics,)
    throttle_classes = ()
    can_fail_with = {
        None: (
            Code.AUTHENTICATION_REQUIRED,
            Code.INVALID_API_KEY,
            Code.FORBIDDEN,
            Code.NOT_FOUND,
            Code.RATE_LIMIT_EXCEEDED,
        )
    }

    def get_renderers(self) -> list[BaseRenderer]:
        return [JSONRenderer()]  # of errors

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whatever a reader accepts: the encoder chooses."""
        return super().perform_content_negotiation(request, force=True)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not settings.ENABLE_METRICS:
            raise NotFound("Metrics are turned off here (ENABLE_METRICS).")
        super().initial(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Readers are many and often, and not counted; who guesses keys is."""
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            throttling.count_wrong_key(request._request)
            raise

    @extend_schema(
        operation_id="get_metrics",
        summary="Metrics",
        description="For Prometheus. Without a key from METRICS_NETWORKS only, else with one of the scope admin.",
        auth=[{}, {"apiKey": []}, {"bearer": []}],  # type: ignore[list-item]  # as OpenAPI has it: none, or one of these
        responses={(200, "text/plain"): OpenApiTypes.STR},
        examples=[examples.METRICS],
    )
    def get(self, request: Request) -> HttpResponse:
        from media_api.metrics import exposition  # noqa: PLC0415  (loaded only where metrics are kept)

        body, content_type = exposition.page(request.headers.get("Accept", ""))
        return HttpResponse(body, content_type=content_type)


def is_from_named_network(request: HttpRequest) -> bool:
    """Whether the caller's address is in METRICS_NETWORKS.

    Never through a proxy that is not in TRUSTED_PROXIES: its own address would stand for the whole world.
    """
    address = client_address(request)
    if address == request.META.get("REMOTE_ADDR") and any(name in request.headers for name in FORWARDED):
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in ipaddress.ip_network(block, strict=False) for block in settings.METRICS_NETWORKS)
