"""How sites behave towards this service: which of them ask for fewer requests, and which can be downloaded from."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from jobs.engine.contract import FailureCode
from jobs.models.choices import choices
from jobs.models.extraction import Extraction


class Site(models.Model):
    """A host that lately answered with 429 or the like. Sites without trouble have no row. Verbs live in `circuit`."""

    host = models.CharField(max_length=253, primary_key=True, help_text="host name of links, lower case")
    refusals = models.PositiveIntegerField(default=0, help_text="such answers in a row")
    holds = models.PositiveIntegerField(default=0, help_text="how often in a row its queue was held")
    last_refused_at = models.DateTimeField(default=timezone.now)
    held_until = models.DateTimeField(null=True, blank=True, help_text="no download from it starts before")

    class Meta:
        ordering = ("host",)

    def __str__(self) -> str:
        return self.host


class ProbeLink(models.Model):
    """A page that operators have read every so often, to learn early when downloads from its site begin to fail.

    Verbs live in `canaries`.
    """

    url = models.CharField("link", max_length=2000, help_text="a page of the site that will stay")
    host = models.CharField(max_length=253, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        editable=False,
        help_text="who named it, and in whose name it is read",
    )
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    due_at = models.DateTimeField(default=timezone.now, editable=False, help_text="when it is read next")
    reading = models.ForeignKey(
        Extraction, on_delete=models.SET_NULL, null=True, editable=False, related_name="+", help_text="while it is read"
    )
    checked_at = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="in a row")
    failing_since = models.DateTimeField(null=True, editable=False, help_text="when the first of them was")
    error_code = models.CharField(max_length=32, choices=choices(FailureCode), blank=True, editable=False)
    error = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ("host", "id")
        constraints = [models.UniqueConstraint(fields=("url",), name="probe_link_is_unique")]
        indexes = [models.Index(fields=("due_at",), name="probe_due", condition=models.Q(is_active=True))]

    def __str__(self) -> str:
        return self.url


class QueueSample(models.Model):
    """How the queue and the storage were at one moment: what rows of jobs do not tell afterwards."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    queued = models.PositiveIntegerField()
    running = models.PositiveIntegerField()
    oldest_queued_seconds = models.FloatField(default=0, help_text="how long the job waited that waited longest")
    stored_bytes = models.BigIntegerField()
    free_bytes = models.BigIntegerField()

    class Meta:
        ordering = ("at",)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"
