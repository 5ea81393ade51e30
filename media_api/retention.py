"""What the HTTP layer forgets, and when. Workers run this: it loads nothing of the web."""

from datetime import timedelta

from django.utils import timezone

from media_api.models import IdempotentCall

KEPT = timedelta(hours=24)


def forget_old_answers() -> int:
    """Delete the answers to repeated requests that are older than a day; returns how many."""
    deleted, _ = IdempotentCall.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return deleted
