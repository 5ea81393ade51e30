"""Who is told of events, and each message to them with every attempt to deliver it."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.vault import EncryptedField
from jobs.models.batch import Batch
from jobs.models.choices import choices
from jobs.models.job import Job
from jobs.states import DeliveryState, Event


def new_endpoint_id() -> str:
    return f"wh_{secrets.token_hex(8)}"


def new_message_id() -> str:
    return f"msg_{secrets.token_hex(12)}"


class SigningSecret(models.Model):
    """Signs what goes to addresses that single requests name (`webhook_url`); endpoints have secrets of their own."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="signing_secret")
    secret = EncryptedField(help_text="`whsec_` and base64")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"signing secret of {self.owner_id}"


class WebhookEndpoint(models.Model):
    """An address that its owner wants to be told at."""

    public_id = models.CharField(max_length=40, unique=True, default=new_endpoint_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    url = models.TextField()
    description = models.CharField(max_length=200, blank=True)
    secret = EncryptedField(help_text="`whsec_` and base64")
    events = models.JSONField(default=list, help_text="names of events; empty for all but download.progress")
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=200, blank=True, help_text="why the service turned it off")
    created_at = models.DateTimeField(default=timezone.now)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="what it answered last; none without an answer"
    )
    last_error = models.CharField(max_length=300, blank=True, help_text="why there was no answer")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.public_id


class Delivery(models.Model):
    """One message to one receiver: written in the transaction of the change it tells of, sent by a worker."""

    public_id = models.CharField(max_length=40, unique=True, default=new_message_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, null=True, blank=True, related_name="deliveries"
    )
    url = models.TextField(help_text="the receiver's address, as it was when the message was written")
    host = models.CharField(max_length=253)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, null=True, blank=True, related_name="deliveries")
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, null=True, blank=True, related_name="deliveries")
    event = models.CharField(max_length=32, choices=choices(Event))
    payload = models.JSONField(help_text="the body, as it is sent")
    created_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(max_length=16, choices=choices(DeliveryState), default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=("due_at", "id"), name="delivery_due", condition=Q(state=DeliveryState.PENDING.value)),
            models.Index(fields=("owner", "-created_at", "-id"), name="delivery_by_owner"),
            models.Index(fields=("endpoint", "-created_at", "-id"), name="delivery_by_endpoint"),
            models.Index(fields=("created_at",), name="delivery_by_age"),
            models.Index(fields=("state", "-created_at", "-id"), name="delivery_by_state"),
        ]

    def __str__(self) -> str:
        return self.public_id


class DeliveryAttempt(models.Model):
    """One try, and what the receiver said."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status; none without an answer")
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    excerpt = models.TextField(blank=True, help_text="the beginning of the receiver's answer")
    error = models.CharField(max_length=300, blank=True, help_text="why there was no answer")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.delivery_id}: {self.status or self.error}"
