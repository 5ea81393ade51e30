"""`/api/v1/webhooks`: who is told of events, with which secret, and what became of each message."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer

from accounts import keys
from accounts.authentication import caller
from accounts.models import ApiKey, Scope
from jobs import queries
from jobs.models import Delivery, SigningSecret, WebhookEndpoint
from jobs.webhooks import endpoints
from jobs.webhooks.endpoints import Tried
from jobs.webhooks.outcomes import Verdict, verdict
from media_api.errors import Code
from media_api.examples import webhooks as examples
from media_api.idempotency import answer_once
from media_api.links import absolute
from media_api.pagination import NewestFirst
from media_api.schema import IDEMPOTENCY_KEY
from media_api.serializers.base import NoQuery
from media_api.serializers.webhooks import (
    DeliveryPage,
    DeliveryQuery,
    DeliverySerializer,
    DeliveryWithLogSerializer,
    SigningSecretSerializer,
    TestResultSerializer,
    WebhookDeletedSerializer,
    WebhookListSerializer,
    WebhookRequest,
    WebhookSerializer,
    WebhookWithSecretSerializer,
)
from media_api.views.base import ApiViewSet

BAD_BODY = (Code.VALIDATION_ERROR, Code.PAYLOAD_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE)


class Webhooks(ApiViewSet):
    """Stored endpoints: each is told of its owner's events."""

    tag = "webhooks"
    missing = Code.NOT_FOUND
    can_fail_with = {"partial_update": BAD_BODY, "list": (Code.VALIDATION_ERROR,), "test": (Code.QUEUE_FULL,)}

    @extend_schema(
        operation_id="list_webhooks",
        summary="List webhooks",
        description="All of the caller's own, oldest first.",
        responses={200: WebhookListSerializer},
        examples=[examples.ALL],
    )
    def list(self, request: Request) -> Response:
        NoQuery(data=request.query_params).is_valid(raise_exception=True)
        found = queries.webhooks_visible_to(caller(request))
        shown = WebhookSerializer(found, many=True)  # type: ignore[arg-type]
        return Response({"webhooks": shown.data, "total": len(shown.data)})

    @extend_schema(
        operation_id="create_webhook",
        summary="Store a webhook",
        description="Only this answer shows the secret that signs its messages.",
        request=WebhookRequest,
        responses={201: WebhookWithSecretSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[*examples.REQUESTS, examples.CREATED],
    )
    def create(self, request: Request) -> Response:
        response = answer_once(request, lambda: self._store(request), atomic=True)
        response.headers["Location"] = absolute(request, reverse("webhook", args=[response.data["webhook_id"]]))
        return _with_secret(request, response)

    @extend_schema(
        operation_id="get_webhook",
        summary="Look at a webhook",
        responses={200: WebhookSerializer},
        examples=[examples.ONE],
    )
    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(WebhookSerializer(_endpoint(request, public_id)).data)

    @extend_schema(
        operation_id="change_webhook",
        summary="Change a webhook",
        description="Any of its fields. Turning it on again also forgets why the service turned it off.",
        request=WebhookRequest(partial=True),
        responses={200: WebhookSerializer},
        examples=[examples.CHANGE, examples.ONE],
    )
    def partial_update(self, request: Request, public_id: str) -> Response:
        endpoint = _endpoint(request, public_id)
        body = WebhookRequest(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        endpoints.change(endpoint, body.validated_data)
        return Response(WebhookSerializer(endpoint).data)

    @extend_schema(
        operation_id="delete_webhook",
        summary="Delete a webhook",
        description="With the record of its deliveries; what is still to be sent is not sent.",
        responses={200: WebhookDeletedSerializer},
        examples=[examples.DELETED],
    )
    def destroy(self, request: Request, public_id: str) -> Response:
        endpoints.remove(_endpoint(request, public_id))
        deleted = {
            "id": public_id,
            "resource_type": "webhook",
            "status": "deleted",
            "message": "The webhook is deleted.",
            "timestamp": timezone.now(),
        }
        return Response(WebhookDeletedSerializer(deleted).data)

    @extend_schema(
        operation_id="rotate_webhook_secret",
        summary="Give a webhook a new secret",
        description="Signs from now on, also what is sent again. Only this answer shows it.",
        request=None,
        responses={200: WebhookWithSecretSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[examples.ROTATED],
    )
    def rotate_secret(self, request: Request, public_id: str) -> Response:
        def rotate() -> Response:
            endpoint = _endpoint(request, public_id)
            endpoints.rotate_secret(endpoint)
            return Response(WebhookSerializer(endpoint).data)

        return _with_secret(request, answer_once(request, rotate, atomic=True))

    @extend_schema(
        operation_id="test_webhook",
        summary="Try a webhook out",
        description="Sends a signed `webhook.test` at once and answers with what the receiver said, within ten "
        "seconds. It is not recorded among the deliveries.",
        request=None,
        responses={200: TestResultSerializer},
        examples=[examples.TESTED],
    )
    def test(self, request: Request, public_id: str) -> Response:
        endpoint = _endpoint(request, public_id)
        return Response(TestResultSerializer(_result(endpoints.try_out(endpoint))).data)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """The form that the browsable pages show: only a new or changed webhook has a body."""
        has_body = self.action in ("create", "list", "partial_update", "retrieve")
        return WebhookRequest(*args, **kwargs) if has_body else Serializer(*args, **kwargs)

    def _store(self, request: Request) -> Response:
        body = WebhookRequest(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint = endpoints.register(caller(request), **body.validated_data)
        return Response(WebhookSerializer(endpoint).data, status=201)


class SigningSecrets(ApiViewSet):
    """The secret that signs messages to addresses that single requests name."""

    tag = "webhooks"

    @extend_schema(
        operation_id="get_signing_secret",
        summary="Show the secret for webhook_url",
        description="Signs messages to every `webhook_url` of the caller's requests; stored webhooks have secrets of "
        "their own. Needs a key with the scope `write`.",
        responses={200: SigningSecretSerializer},
        examples=[examples.SIGNING_SECRET],
    )
    def retrieve(self, request: Request) -> Response:
        if isinstance(request.auth, ApiKey) and not keys.allows(request.auth, Scope.WRITE):
            raise PermissionDenied("This API key lacks the scope “write”.")
        return _shown(endpoints.signing_secret(caller(request)))

    @extend_schema(
        operation_id="rotate_signing_secret",
        summary="Make a new secret for webhook_url",
        description="Signs from now on, also what is sent again.",
        request=None,
        responses={200: SigningSecretSerializer},
        examples=[examples.SIGNING_SECRET],
    )
    def rotate(self, request: Request) -> Response:
        return _shown(endpoints.rotate_signing_secret(caller(request)))

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """The calls have no body."""
        return Serializer(*args, **kwargs)


class Deliveries(ApiViewSet):
    """Messages to receivers, and every attempt at them."""

    tag = "webhooks"
    missing = Code.NOT_FOUND
    can_fail_with = {"list": (Code.VALIDATION_ERROR,), "list_of_webhook": (Code.VALIDATION_ERROR,)}

    @extend_schema(
        operation_id="list_deliveries",
        summary="List deliveries",
        description="Messages to all of the caller's receivers, newest first.",
        parameters=[DeliveryQuery],
        responses={200: DeliveryPage},
        examples=[examples.DELIVERIES],
    )
    def list(self, request: Request) -> Response:
        return self._page(request, queries.deliveries_visible_to(caller(request)))

    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="List deliveries to a webhook",
        description="Messages to one stored webhook, newest first.",
        parameters=[DeliveryQuery],
        responses={200: DeliveryPage},
        examples=[examples.DELIVERIES],
    )
    def list_of_webhook(self, request: Request, public_id: str) -> Response:
        endpoint = _endpoint(request, public_id)
        return self._page(request, queries.deliveries_visible_to(caller(request)).filter(endpoint=endpoint))

    @extend_schema(
        operation_id="get_delivery",
        summary="Look at a delivery",
        description="With its body and every attempt.",
        responses={200: DeliveryWithLogSerializer},
        examples=[examples.DELIVERY_WITH_LOG],
    )
    def retrieve(self, request: Request, public_id: str) -> Response:
        delivery = queries.delivery_of(caller(request), public_id)
        return Response(DeliveryWithLogSerializer(delivery).data)

    @extend_schema(
        operation_id="redeliver",
        summary="Send a delivery again",
        description="With the same `webhook-id`, its attempts counted anew. 409 while it is still to be sent, and "
        "when its webhook is turned off.",
        request=None,
        responses={200: DeliverySerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[examples.REDELIVERED],
    )
    def redeliver(self, request: Request, public_id: str) -> Response:
        def again() -> Response:
            delivery = queries.delivery_of(caller(request), public_id)
            endpoints.redeliver(delivery)
            return Response(DeliverySerializer(delivery).data)

        return answer_once(request, again, atomic=True)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """The calls have no body."""
        return Serializer(*args, **kwargs)

    def _page(self, request: Request, deliveries: QuerySet[Delivery]) -> Response:
        query = DeliveryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        columns = {"event": "event", "state": "state", "job": "job__public_id"}
        wanted = {columns[name]: value for name, value in query.validated_data.items() if name in columns}
        paginator = NewestFirst[Delivery]()
        page = paginator.page_of(deliveries.filter(**wanted), request, self)
        shown = DeliverySerializer(page, many=True)  # type: ignore[arg-type]
        return Response(
            {"results": shown.data, "next": paginator.get_next_link(), "previous": paginator.get_previous_link()}
        )


def _endpoint(request: Request, public_id: str) -> WebhookEndpoint:
    return queries.webhook_of(caller(request), public_id)


def _with_secret(request: Request, response: Response) -> Response:
    """Added after the answer was kept for its idempotency key: no secret is stored in plain text."""
    endpoint = _endpoint(request, response.data["webhook_id"])
    response.data = {**response.data, "secret": endpoint.secret.reveal()}
    return response


def _shown(secret: SigningSecret) -> Response:
    told = {"secret": secret.secret.reveal(), "created_at": secret.created_at}
    return Response(SigningSecretSerializer(told).data)


def _result(tried: Tried) -> dict[str, Any]:
    answer = tried.answer
    return {
        "message_id": tried.message_id,
        "delivered": verdict(answer) is Verdict.DELIVERED,
        "status": answer.status,
        "latency_ms": answer.latency_ms,
        "excerpt": answer.excerpt,
        "error": answer.error or None,
    }
