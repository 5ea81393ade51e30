"""Links by which an owner lets others have one file."""

import secrets

from django.db import models
from django.utils import timezone

from jobs.models.job import MediaFile


def new_share_id() -> str:
    return f"share_{secrets.token_hex(8)}"


class ShareLink(models.Model):
    """A link to a file for people without an account. Its token is never stored, only the token's SHA-256."""

    public_id = models.CharField(max_length=40, unique=True, default=new_share_id, editable=False)
    file = models.ForeignKey(MediaFile, on_delete=models.CASCADE, related_name="shares")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    fetches = models.PositiveIntegerField(default=0, help_text="how often the file was fetched from its beginning")
    last_fetched_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.public_id

    def is_usable(self) -> bool:
        """Neither revoked nor over; whether the file is still there is another question."""
        return self.revoked_at is None and self.expires_at > timezone.now()
