"""A look at a page without downloading: the work, its result, and the short cache of it."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.vault import EncryptedField
from jobs.engine.contract import FailureCode
from jobs.models.batch import Batch
from jobs.models.choices import choices
from jobs.states import ExtractionKind, ExtractionState


def new_extraction_id() -> str:
    return f"ext_{secrets.token_hex(8)}"


class Extraction(models.Model):
    """A page that a worker reads for a caller who waits, for a batch that needs its entries, or as one of many.

    Of equal questions (`question`) of one owner one row is worked on; its answer serves all until `expires_at`.
    """

    public_id = models.CharField(max_length=40, unique=True, default=new_extraction_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="extractions")
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, null=True, blank=True, related_name="extractions")
    position = models.PositiveIntegerField(null=True, blank=True, help_text="its place in the batch, from 1")
    correlation_id = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=16, choices=choices(ExtractionKind))
    url = models.TextField()
    parameters = models.JSONField(default=dict, blank=True, help_text="what is asked for besides, such as a page range")
    cookie_jar = models.ForeignKey(
        "accounts.CookieJar", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    question = models.CharField(max_length=64, help_text="SHA-256 over owner, kind, url, parameters and cookie jar")

    state = models.CharField(max_length=16, choices=choices(ExtractionState), default=ExtractionState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    worker_host = models.CharField(max_length=100, blank=True)

    answer = models.JSONField(null=True, blank=True, help_text="what was found, bounded")
    known_info = EncryptedField(  # type: ignore[misc]  # its stubs have no optional kind
        null=True, editable=False, help_text="what a download within the cache's time goes on from, packed"
    )
    error_code = models.CharField(max_length=32, choices=choices(FailureCode), blank=True)
    error = models.TextField(blank=True, help_text="a sentence for the user")
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="when the answer is too old to be used again")

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=("question",),
                name="extraction_is_asked_once",
                condition=Q(
                    batch__isnull=True, state__in=[ExtractionState.QUEUED.value, ExtractionState.RUNNING.value]
                ),
            )
        ]
        indexes = [
            models.Index(fields=("question", "-id"), name="extraction_by_question"),
            models.Index(
                fields=("id",),
                name="extraction_live",
                condition=Q(state__in=[ExtractionState.QUEUED.value, ExtractionState.RUNNING.value]),
            ),
            models.Index(fields=("batch", "position"), name="extraction_by_batch"),
            models.Index(fields=("expires_at",), name="extraction_expiry"),
        ]

    def __str__(self) -> str:
        return self.public_id
