"""The tables of the domain: fields, constraints, indexes. Verbs live in `services`, moves in `lifecycle`, reads in
`queries`.
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from jobs.engine.contract import FailureCode, FileRole, Options, Phase
from jobs.states import State, Wish

DEFAULT_PRIORITY = 5


def choices(enum: type[State | Wish | Phase | FailureCode | FileRole]) -> list[tuple[str, str]]:
    return [(member.value, member.value.replace("_", " ") or "none") for member in enum]


def new_job_id() -> str:
    return f"req_{secrets.token_hex(8)}"


def new_file_id() -> str:
    return f"file_{secrets.token_hex(8)}"


class Job(models.Model):
    """One link to download. The table is the queue: django-q2 only wakes the workers up.

    `state` is written by `jobs.lifecycle` alone.
    """

    public_id = models.CharField(max_length=40, unique=True, default=new_job_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="jobs")
    api_key = models.ForeignKey(
        "accounts.ApiKey", on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs"
    )
    correlation_id = models.CharField(
        max_length=64, blank=True, help_text="the request id of the call that created the job"
    )

    url = models.TextField()
    host = models.CharField(max_length=253, help_text="host name of the link, lower case")
    options = models.JSONField(default=dict, help_text="download options under their wire names")
    priority = models.PositiveSmallIntegerField(default=DEFAULT_PRIORITY, help_text="0 to 9, 9 first")

    state = models.CharField(max_length=16, choices=choices(State), default=State.QUEUED)
    wish = models.CharField(max_length=16, choices=choices(Wish), default=Wish.NONE, blank=True)
    not_before = models.DateTimeField(null=True, blank=True, help_text="a retry waits until then")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="attempts begun since the last submit or retry")
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    worker_host = models.CharField(max_length=100, blank=True)

    phase = models.CharField(max_length=16, choices=choices(Phase), blank=True)
    percent = models.FloatField(null=True, blank=True)
    downloaded_bytes = models.BigIntegerField(null=True, blank=True)
    total_bytes = models.BigIntegerField(null=True, blank=True)
    speed_bps = models.FloatField(null=True, blank=True, help_text="bytes a second")
    eta_seconds = models.FloatField(null=True, blank=True)

    title = models.TextField(blank=True)
    extractor = models.CharField(max_length=100, blank=True)
    metadata = models.JSONField(null=True, blank=True)
    pinned_format = models.CharField(
        max_length=200, blank=True, help_text="format of an earlier attempt, whose partial files fit it"
    )
    provenance = models.JSONField(default=dict, blank=True, help_text="options and versions that made the result")
    error_code = models.CharField(max_length=32, choices=choices(FailureCode), blank=True)
    error = models.TextField(blank=True, help_text="a sentence for the user")

    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(default=timezone.now, help_text="its place in the queue; a retry goes to the end")
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True, help_text="when the job reached a terminal state")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="when its files are deleted")

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in State]), name="job_state_is_known"),
            models.CheckConstraint(condition=Q(priority__lte=9), name="job_priority_to_9"),
            models.CheckConstraint(
                condition=~Q(state=State.RUNNING.value) | Q(lease_expires_at__isnull=False),
                name="running_job_has_lease",
            ),
        ]
        indexes = [
            models.Index(fields=("owner", "-created_at", "-id"), name="job_by_owner"),
            models.Index(
                F("priority").desc(), "queued_at", "id", name="job_queue", condition=Q(state=State.QUEUED.value)
            ),
            models.Index(fields=("worker_host", "host"), name="job_running", condition=Q(state=State.RUNNING.value)),
            models.Index(fields=("expires_at",), name="job_expiry", condition=Q(state=State.COMPLETED.value)),
            models.Index(fields=("state", "-created_at"), name="job_by_state"),
        ]

    def __str__(self) -> str:
        return self.public_id

    def download_options(self) -> Options:
        return Options.from_json(self.options)

    def duration(self) -> timedelta | None:
        """From the first start to the end, or until now while it is not over."""
        if self.started_at is None:
            return None
        return (self.completed_at or timezone.now()) - self.started_at


class JobEvent(models.Model):
    """A move of a job from one state to another: the record that outboxes and timelines read."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    source = models.CharField(max_length=16, blank=True, help_text="state before; empty at creation")
    target = models.CharField(max_length=16, choices=choices(State))
    attempt = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.job_id}: {self.source or 'new'} -> {self.target}"


class JobLog(models.Model):
    """The lines that a job's attempts logged, the newest ones when there were too many."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="log")
    lines = models.JSONField(default=list, help_text="strings, oldest first")
    total_lines = models.PositiveIntegerField(default=0, help_text="lines ever logged, dropped ones included")

    def __str__(self) -> str:
        return f"log of {self.job_id}"


class MediaFile(models.Model):
    """A published result file. The row outlives the bytes: `deleted_at` tells when they went."""

    public_id = models.CharField(max_length=40, unique=True, default=new_file_id, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="files")
    role = models.CharField(max_length=16, choices=choices(FileRole))
    path = models.CharField(max_length=1000, help_text="name in the storage, relative to its root")
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    mime_type = models.CharField(max_length=100)
    duration_seconds = models.FloatField(null=True, blank=True)
    language = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=("path",), condition=Q(deleted_at__isnull=True), name="file_path_is_unique"),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """The last part of the path: what a browser saves the file as."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def format(self) -> str:
        """The file name's extension, lower case, without the dot."""
        return self.name.rpartition(".")[2].lower()


class Worker(models.Model):
    """A worker host and its last sign of life."""

    name = models.CharField(max_length=150, unique=True, help_text="host name and process id of its main process")
    host = models.CharField(max_length=100)
    slots = models.PositiveSmallIntegerField(help_text="downloads it runs at once")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class Chore(models.Model):
    """When a recurring chore is due next; whoever moves the time on runs it."""

    name = models.CharField(max_length=100, primary_key=True)
    due_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name
