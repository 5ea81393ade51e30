"""One link to download, its moves, its log, its results."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Left
from django.utils import timezone

from jobs.engine.contract import FailureCode, FileRole, Options, Phase
from jobs.models.batch import Batch
from jobs.models.choices import choices
from jobs.states import State, Wish

DEFAULT_PRIORITY = 5
LINK_CHARACTERS = 200  # of a link that it is found by: PostgreSQL indexes no text of any length


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
    cookie_jar = models.ForeignKey(
        "accounts.CookieJar", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    webhook_url = models.TextField(blank=True, help_text="told of this job's events, besides the owner's endpoints")
    link_origin = models.CharField(
        max_length=300, blank=True, help_text="scheme and host at which its caller reached the service"
    )

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, null=True, blank=True, related_name="jobs")
    position = models.PositiveIntegerField(null=True, blank=True, help_text="its place in the batch, from 1")
    page_entry = models.PositiveIntegerField(
        null=True, blank=True, help_text="which of the videos that the link leads to, from 1, when there are several"
    )
    template_values = models.JSONField(
        default=dict, blank=True, help_text="values for the path template that the job's own page does not tell"
    )
    archive_key = models.CharField(
        max_length=300, blank=True, help_text="extractor and id under which the list that named the entry knows it"
    )

    state = models.CharField(max_length=16, choices=choices(State), default=State.QUEUED)
    wish = models.CharField(max_length=16, choices=choices(Wish), default=Wish.NONE, blank=True)
    wish_is_operators = models.BooleanField(
        default=False, db_default=False, help_text="whether an operator wishes it, and not its caller"
    )
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
    reserved_bytes = models.BigIntegerField(
        default=0, db_default=0, help_text="room in the storage that its result may take; counts while it runs"
    )

    title = models.TextField(blank=True)
    extractor = models.CharField(max_length=100, blank=True)
    metadata = models.JSONField(null=True, blank=True)
    pinned_format = models.CharField(
        max_length=200, blank=True, help_text="format of an earlier attempt, whose partial files fit it"
    )
    provenance = models.JSONField(default=dict, blank=True, help_text="options and versions that made the result")
    error_code = models.CharField(max_length=32, choices=choices(FailureCode), blank=True)
    error = models.TextField(blank=True, help_text="a sentence for the user")
    webhook_sent = models.BooleanField(default=False, help_text="whether a receiver has taken the job's last event")

    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(default=timezone.now, help_text="its place in the queue; a retry goes to the end")
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True, help_text="when the job reached a terminal state")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="when its files are deleted")
    is_kept_longer = models.BooleanField(
        default=False, db_default=False, help_text="its owner prolonged it, so no clean-up before its time deletes it"
    )
    deletion_asked_at = models.DateTimeField(
        null=True, blank=True, help_text="when its owner deleted its files, which can be taken back for some seconds"
    )

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in State]), name="job_state_is_known"),
            models.CheckConstraint(condition=Q(priority__lte=9), name="job_priority_to_9"),
            models.CheckConstraint(
                condition=~Q(state=State.RUNNING.value) | Q(lease_expires_at__isnull=False),
                name="running_job_has_lease",
            ),
            models.UniqueConstraint(fields=("batch", "position"), name="job_position_is_unique"),
        ]
        indexes = [
            models.Index(fields=("owner", "-created_at", "-id"), name="job_by_owner"),
            models.Index(
                F("priority").desc(), "queued_at", "id", name="job_queue", condition=Q(state=State.QUEUED.value)
            ),
            # Whose jobs wait, and where: so that choosing the next one reads no history.
            models.Index(
                fields=("owner", "host", "batch", "not_before"),
                name="job_waiting",
                condition=Q(state=State.QUEUED.value),
            ),
            models.Index(fields=("worker_host", "host"), name="job_running", condition=Q(state=State.RUNNING.value)),
            models.Index(fields=("expires_at",), name="job_expiry", condition=Q(state=State.COMPLETED.value)),
            models.Index(
                fields=("deletion_asked_at",), name="job_deletion", condition=Q(deletion_asked_at__isnull=False)
            ),
            models.Index(fields=("state", "-created_at"), name="job_by_state"),
            models.Index(fields=("batch", "state"), name="job_by_batch", condition=Q(batch__isnull=False)),
            # For operators, who look at everybody's.
            models.Index(fields=("-created_at", "-id"), name="job_by_age"),
            models.Index(fields=("host", "-created_at", "-id"), name="job_by_host"),
            models.Index(
                fields=("host", "-created_at", "-id"), name="job_failed_by_host", condition=Q(state=State.FAILED.value)
            ),
            models.Index(
                fields=("owner", "-created_at", "-id"),
                name="job_failed_by_owner",
                condition=Q(state=State.FAILED.value),
            ),
            models.Index(fields=("error_code", "-created_at", "-id"), name="job_by_error", condition=~Q(error_code="")),
            models.Index(
                fields=("completed_at", "state", "host", "error_code"),
                name="job_by_end",
                condition=Q(completed_at__isnull=False),
            ),
            models.Index(fields=("api_key", "-created_at"), name="job_by_key", condition=Q(api_key__isnull=False)),
            models.Index(Left("url", LINK_CHARACTERS), name="job_by_link"),
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
    read_until = models.DateTimeField(
        null=True, blank=True, help_text="somebody fetches it, or may go on doing so: no clean-up before then"
    )

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=("path",), condition=Q(deleted_at__isnull=True), name="file_path_is_unique"),
        ]
        indexes = [
            # So that what is kept now is summed up without reading what was.
            models.Index(fields=("size_bytes",), name="file_stored", condition=Q(deleted_at__isnull=True)),
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
