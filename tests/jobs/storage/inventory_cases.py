"""Results in every condition, for tests of the inventory on either storage."""

import hashlib
from pathlib import Path

from django.conf import settings

from accounts.models import User
from jobs import storage
from jobs.models import Job
from jobs.states import State
from tests.factories import make_file, make_job


def with_result(owner: User, content: bytes = b"bytes of a video", **told: object) -> Job:
    """A completed job whose file is stored; `told` overrides what its row tells of it."""
    job = make_job(owner, State.COMPLETED)
    source = Path(settings.WORK_DIR) / f"{job.public_id}.mp4"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(content)
    name = storage.publish(source, storage.own_name(f"videos/{job.public_id}.mp4"))
    facts = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), **told}
    make_file(job, path=name, **facts)
    return job
