"""Webhooks on the wire: endpoints, secrets, and the messages sent to them. Rules stand in `jobs.webhooks`."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from jobs.models import Delivery, DeliveryAttempt, WebhookEndpoint
from jobs.states import DeliveryState, Event
from media_api.serializers.base import CursorField, LinkField, StrictSerializer, TextField
from media_api.serializers.downloads import check_receiver

EVENTS = [event.value for event in Event]
DELIVERY_STATES = [state.value for state in DeliveryState]
LONGEST_DESCRIPTION = 200


@extend_schema_serializer(component_name="Webhook")
class WebhookRequest(StrictSerializer):
    """An address to be told of events. A change has some of these fields, a new one at least `url`."""

    url = LinkField(help_text="where messages are sent to")
    description = TextField(default="", allow_blank=True, max_length=LONGEST_DESCRIPTION)
    events = serializers.ListField(
        child=serializers.ChoiceField(EVENTS),
        default=list,
        max_length=len(EVENTS),
        help_text="which to send; none stands for all but `download.progress`",
    )
    is_active = serializers.BooleanField(default=True, help_text="whether new events are sent")

    def validate_url(self, value: str) -> str:
        check_receiver(value)
        return value

    def validate_events(self, value: list[str]) -> list[str]:
        return list(dict.fromkeys(value))


class LastResultSerializer(serializers.Serializer[WebhookEndpoint]):
    """What the latest attempt came to."""

    at = serializers.DateTimeField(source="last_attempt_at")
    status = serializers.IntegerField(source="last_status", allow_null=True, help_text="HTTP status of the answer")
    error = serializers.SerializerMethodField(help_text="why there was no answer")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, endpoint: WebhookEndpoint) -> str | None:
        return endpoint.last_error or None


class WebhookSerializer(serializers.Serializer[WebhookEndpoint]):
    """A stored endpoint. Its secret is shown once, when it is made."""

    webhook_id = serializers.CharField(source="public_id")
    url = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    events = serializers.ListField(child=serializers.ChoiceField(EVENTS))
    is_active = serializers.BooleanField()
    disabled_reason = serializers.SerializerMethodField(help_text="why the service turned it off")
    last_result = serializers.SerializerMethodField(help_text="of the latest attempt; null before the first")
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_disabled_reason(self, endpoint: WebhookEndpoint) -> str | None:
        return endpoint.disabled_reason or None

    @extend_schema_field(LastResultSerializer(allow_null=True))
    def get_last_result(self, endpoint: WebhookEndpoint) -> dict[str, Any] | None:
        return dict(LastResultSerializer(endpoint).data) if endpoint.last_attempt_at else None


class WebhookWithSecretSerializer(WebhookSerializer):
    """A stored endpoint with the secret that signs its messages, which is not shown again."""

    secret = serializers.CharField(help_text="`whsec_` and base64; keep it")


@extend_schema_serializer(many=False)
class WebhookListSerializer(serializers.Serializer[Any]):
    """The caller's endpoints."""

    webhooks = WebhookSerializer(many=True)
    total = serializers.IntegerField()


class TestResultSerializer(serializers.Serializer[Any]):
    """What the receiver said to a `webhook.test`."""

    message_id = serializers.CharField(help_text="the `webhook-id` it was sent with")
    delivered = serializers.BooleanField(help_text="whether the answer was a 2xx")
    status = serializers.IntegerField(allow_null=True, help_text="HTTP status of the answer")
    latency_ms = serializers.IntegerField(allow_null=True)
    excerpt = serializers.CharField(allow_blank=True, help_text="the beginning of the answer")
    error = serializers.CharField(allow_null=True, help_text="why there was no answer")


class SigningSecretSerializer(serializers.Serializer[Any]):
    """What signs messages to addresses that single requests name in `webhook_url`."""

    secret = serializers.CharField(help_text="`whsec_` and base64")
    created_at = serializers.DateTimeField()


class AttemptSerializer(serializers.Serializer[DeliveryAttempt]):
    """One attempt at a message."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="HTTP status of the answer")
    latency_ms = serializers.IntegerField(allow_null=True)
    excerpt = serializers.CharField(allow_blank=True, help_text="the beginning of the answer")
    error = serializers.SerializerMethodField(help_text="why there was no answer")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, attempt: DeliveryAttempt) -> str | None:
        return attempt.error or None


class DeliverySerializer(serializers.Serializer[Delivery]):
    """One message to one receiver."""

    delivery_id = serializers.CharField(source="public_id", help_text="the `webhook-id` of every attempt")
    webhook_id = serializers.SerializerMethodField(help_text="the stored endpoint; null for a request's `webhook_url`")
    url = serializers.CharField(help_text="where it is sent to")
    event = serializers.ChoiceField(EVENTS)
    request_id = serializers.SerializerMethodField(help_text="the download it tells of")
    batch_id = serializers.SerializerMethodField(help_text="the batch it tells of")
    state = serializers.ChoiceField(DELIVERY_STATES)
    attempts = serializers.IntegerField(help_text="since it was written, or sent again by hand")
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.SerializerMethodField(help_text="while it is to be sent")
    completed_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_webhook_id(self, delivery: Delivery) -> str | None:
        return delivery.endpoint.public_id if delivery.endpoint else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_request_id(self, delivery: Delivery) -> str | None:
        return delivery.job.public_id if delivery.job else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_batch_id(self, delivery: Delivery) -> str | None:
        return delivery.batch.public_id if delivery.batch else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_attempt_at(self, delivery: Delivery) -> str | None:
        is_waiting = delivery.state == DeliveryState.PENDING
        return serializers.DateTimeField().to_representation(delivery.due_at) if is_waiting else None


class DeliveryWithLogSerializer(DeliverySerializer):
    """One message to one receiver, with its body and every attempt."""

    payload = serializers.JSONField(help_text="the body")
    log = AttemptSerializer(many=True, help_text="oldest first")


@extend_schema_serializer(many=False)
class DeliveryPage(serializers.Serializer[Any]):
    """A page of deliveries."""

    results = DeliverySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class DeliveryQuery(StrictSerializer):
    """The filters of a list of deliveries."""

    form_fields = frozenset()

    event = serializers.ChoiceField(EVENTS, required=False)
    state = serializers.ChoiceField(DELIVERY_STATES, required=False)
    job = serializers.CharField(required=False, max_length=40, help_text="id of the download it tells of")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100, help_text="on a page; default 20")
    cursor = CursorField()


class WebhookDeletedSerializer(serializers.Serializer[Any]):
    """What a deletion did."""

    id = serializers.CharField()
    resource_type = serializers.CharField()
    status = serializers.CharField()
    message = serializers.CharField()
    timestamp = serializers.DateTimeField()
