"""Downloads that belong together, and what an owner has downloaded already."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from jobs.models.choices import choices
from jobs.states import BatchKind, State


def new_batch_id() -> str:
    return f"batch_{secrets.token_hex(8)}"


class Batch(models.Model):
    """Jobs that were asked for at once: a list of links, or the entries of a playlist or channel.

    `state` is that of the whole: `queued` until something runs, `running`, then `completed`, `failed` or `cancelled`.
    It is written by `jobs.lifecycle` alone. How many jobs are in which state is counted, not stored.
    """

    public_id = models.CharField(max_length=40, unique=True, default=new_batch_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="batches")
    api_key = models.ForeignKey(
        "accounts.ApiKey", on_delete=models.SET_NULL, null=True, blank=True, related_name="batches"
    )
    correlation_id = models.CharField(max_length=64, blank=True, help_text="the request id of the call that created it")
    kind = models.CharField(max_length=16, choices=choices(BatchKind), default=BatchKind.LINKS)
    url = models.TextField(blank=True, help_text="of the playlist or channel")
    title = models.TextField(blank=True)
    selection = models.JSONField(
        default=dict, blank=True, help_text="which entries of the playlist or channel, under the wire's names"
    )

    options = models.JSONField(default=dict, help_text="download options under their wire names")
    priority = models.PositiveSmallIntegerField(default=5, help_text="0 to 9, 9 first")
    cookie_jar = models.ForeignKey(
        "accounts.CookieJar", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    webhook_url = models.TextField(blank=True, help_text="told of its end, and of its jobs' events")
    link_origin = models.CharField(
        max_length=300, blank=True, help_text="scheme and host at which its caller reached the service"
    )
    concurrent_limit = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="jobs of the batch that run at once; none means no limit of its own"
    )
    stop_on_error = models.BooleanField(default=False, help_text="a failed job cancels those that have not begun")

    state = models.CharField(max_length=16, choices=choices(State), default=State.QUEUED)
    is_expanded = models.BooleanField(default=True, help_text="whether all its jobs exist; false while a list is read")
    is_cancelled = models.BooleanField(default=False, help_text="whether its caller cancelled it")
    error = models.TextField(blank=True, help_text="a sentence for the user")
    skipped = models.PositiveIntegerField(default=0, help_text="entries left out because they were downloaded before")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "batches"
        indexes = [
            models.Index(fields=("owner", "-created_at", "-id"), name="batch_by_owner"),
            models.Index(fields=("-created_at", "-id"), name="batch_by_age"),
            models.Index(fields=("id",), name="batch_live", condition=Q(completed_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.public_id

    def duration(self) -> timedelta | None:
        """From the first start to the end, or until now while it is not over."""
        if self.started_at is None:
            return None
        return (self.completed_at or timezone.now()) - self.started_at


class ArchiveEntry(models.Model):
    """A video that an owner has downloaded, under the names that yt-dlp's `archive.txt` uses."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="archive")
    extractor = models.CharField(max_length=100, help_text="yt-dlp's key of the extractor, lower case")
    video_id = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "archive entries"
        constraints = [
            models.UniqueConstraint(fields=("owner", "extractor", "video_id"), name="archive_entry_is_unique")
        ]
        indexes = [models.Index(fields=("video_id",), name="archive_by_video")]

    def __str__(self) -> str:
        return f"{self.extractor} {self.video_id}"
