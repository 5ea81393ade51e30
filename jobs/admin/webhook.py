"""The operator's pages of webhooks: who is told, and what became of each message. Secrets are on none of them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.operator_pages import Keyset, LookOnly, Operated, actor_of, tell
from jobs.bulk import Outcome
from jobs.models import Batch, Delivery, DeliveryAttempt, Job, WebhookEndpoint
from jobs.webhooks import endpoints

# What messages belong to: how its ids begin, its table, its column.
OF: tuple[tuple[str, Any, str], ...] = (
    ("req_", Job, "job"),
    ("batch_", Batch, "batch"),
    ("wh_", WebhookEndpoint, "endpoint"),
)


class AttemptInline(LookOnly, admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = DeliveryAttempt
    fields = ("at", "status", "latency_ms", "excerpt", "error")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(LookOnly, Operated, Keyset):
    list_display = ("public_id", "url", "owner", "is_active", "last_status", "last_error", "last_attempt_at")
    list_filter = ("is_active",)
    list_select_related = ("owner",)
    ordering = ("-id",)
    search_fields = ("public_id__startswith",)
    search_help_text = _("The beginning of a webhook's id")
    fields = (
        "public_id",
        "owner",
        "url",
        "description",
        "events",
        "is_active",
        "disabled_reason",
        "last_attempt_at",
        "last_status",
        "last_error",
        "created_at",
    )
    actions = ("pause", "activate")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        return WebhookEndpoint.objects.defer("secret")

    @admin.action(description=_("Turn off"), permissions=["operate"])
    def pause(self, request: HttpRequest, chosen: QuerySet[WebhookEndpoint]) -> None:
        self._turn(request, chosen, is_active=False)

    @admin.action(description=_("Turn on"), permissions=["operate"])
    def activate(self, request: HttpRequest, chosen: QuerySet[WebhookEndpoint]) -> None:
        self._turn(request, chosen, is_active=True)

    def _turn(self, request: HttpRequest, chosen: QuerySet[WebhookEndpoint], *, is_active: bool) -> None:
        for endpoint in chosen:
            endpoints.change(endpoint, {"is_active": is_active})
        names = [endpoint.public_id for endpoint in chosen]
        audit.record(actor_of(request), "turn on" if is_active else "turn off", "webhook", names)
        tell(request, WebhookEndpoint, len(names), [])


@admin.register(Delivery)
class DeliveryAdmin(LookOnly, Operated, Keyset):
    list_display = ("public_id", "event", "host", "owner", "state", "attempts", "created_at")
    list_filter = ("state",)
    list_select_related = ("owner",)
    search_fields = ("public_id",)
    search_help_text = _(
        "The beginning of a message's id (msg_…), or a whole job's (req_…), batch's or webhook's (wh_…)"
    )
    inlines = (AttemptInline,)
    exclude = ("lease_owner", "lease_expires_at")
    actions = ("redeliver",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        """What belongs to a message, job, batch or webhook, by the key that its own table finds: no join is read."""
        for start, model, column in OF:
            if search_term.startswith(start):
                keys = list(model.objects.filter(public_id=search_term.strip()).values_list("pk", flat=True))
                return queryset.filter(**{f"{column}__in": keys}), False
        return queryset.filter(public_id__startswith=search_term.strip()) if search_term else queryset, False

    @admin.action(description=_("Send again"), permissions=["operate"])
    def redeliver(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        """Each message by itself: one that refuses does not keep the others from it."""
        outcome = Outcome()
        rows = chosen.select_related("endpoint")
        touched = [delivery.public_id for delivery in rows if outcome.attempt(endpoints.redeliver, delivery)]
        audit.record(actor_of(request), "send again", "delivery", touched, refusals=outcome.refusals)
        tell(request, Delivery, outcome.done, outcome.refusals)
