"""What the HTTP layer itself remembers: answers to repeated requests."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class IdempotentCall(models.Model):
    """The first answer to a POST that carried an `Idempotency-Key`; a repetition gets it again."""

    caller = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body")
    status = models.PositiveSmallIntegerField(null=True, help_text="null while the first call is still being answered")
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("caller", "key"), name="one_answer_for_a_key")]

    def __str__(self) -> str:
        return self.key
