"""How much room results take, may take and have. Each figure is one query or one look at the file system."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db.models import Sum

from jobs.models import Job, MediaFile
from jobs.states import State


def used_bytes() -> int:
    """The size of all results that are kept, as their rows tell."""
    return int(MediaFile.objects.filter(deleted_at__isnull=True).aggregate(size=Sum("size_bytes"))["size"] or 0)


def reserved_bytes() -> int:
    """What running downloads have reserved for their results. Those of a dead worker count until they are recovered."""
    return int(Job.objects.filter(state=State.RUNNING).aggregate(size=Sum("reserved_bytes"))["size"] or 0)


def quota_bytes() -> int:
    """What results may take together; 0 for no bound."""
    return int(settings.STORAGE_QUOTA_BYTES)


def free_bytes() -> int:
    """Bytes that this host's disk has left: for work directories, and for results if they are local."""
    root, results = Path(settings.STORAGE_DIR), Path(settings.FILES_DIR)
    root.mkdir(parents=True, exist_ok=True)
    return min(shutil.disk_usage(place).free for place in (root, results) if place.is_dir())
