"""Who works, and when recurring work is due."""

from django.db import models
from django.utils import timezone


class Worker(models.Model):
    """A worker host and its last sign of life."""

    name = models.CharField(max_length=150, unique=True, help_text="host name and process id of its main process")
    host = models.CharField(max_length=100)
    slots = models.PositiveSmallIntegerField(help_text="downloads it runs at once")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    tools = models.JSONField(
        default=dict, blank=True, help_text="versions of yt_dlp, ffmpeg and js_runtime there; empty for what is missing"
    )

    def __str__(self) -> str:
        return self.name


class Chore(models.Model):
    """When a recurring chore is due next; whoever moves the time on runs it."""

    name = models.CharField(max_length=100, primary_key=True)
    due_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name
