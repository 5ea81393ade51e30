"""From the work directory into the storage: under which names, all files of a result or none. Records nothing:
until the files are recorded, `unrecorded` remembers them.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import structlog

from jobs import storage, unrecorded
from jobs.engine import templates
from jobs.engine.contract import FileRole, ProducedFile, Result
from jobs.lifecycle import Lease
from jobs.models import Job, MediaFile

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 60.0  # with a store that is out of reach
POLL_SECONDS = 0.5

Published: TypeAlias = list[tuple[ProducedFile, str]]


def publish_noted(job: Job, lease: Lease, result: Result, beat: Callable[[], None]) -> Published:
    """`publish`, and note the files in `unrecorded`, for whoever calls to forget or withdraw."""
    published = publish(job, result, beat)
    try:
        unrecorded.note(job.public_id, lease.owner, {Path(file.path).name: name for file, name in published})
    except BaseException:
        withdraw(published)
        raise
    return published


def publish(job: Job, result: Result, beat: Callable[[], None] = storage.no_beat) -> Published:
    """Move the files into the storage under the names that the path template gives. All or none.

    `beat` is called again and again while that takes its time. Raises OSError, and what `beat` raises.
    """
    main, *companions = result.files
    rendered = templates.render(job.download_options().path_template, template_values(job, result))
    name = storage.own_name(rendered, [suffix(file) for file in companions])
    published: Published = []
    try:
        published.append((main, _publish(main, name, beat)))
        for file in companions:  # beside the name that the main file got: the one it wanted may be another job's
            published.append((file, _publish(file, templates.sibling(published[0][1], suffix(file)), beat)))
    except BaseException:
        withdraw(published)
        raise
    return published


def template_values(job: Job, result: Result) -> dict[str, Any]:
    """What path templates may name. What the list that named the job's link tells wins over what its page tells, except
    for whom it is from and when: there a list often knows its own author only, and the day roughly.
    """
    told = {name: value for name, value in job.template_values.items() if value is not None}
    page = result.template_values
    exact = {name: page[name] for name in ("uploader", "upload_date") if page.get(name) is not None}
    return {**page, **told, **exact, "batch_id": job.batch.public_id if job.batch else ""}


def withdraw(published: Published) -> None:
    """Delete files that were published for nothing; what cannot be deleted now is swept later."""
    unrecorded.delete(path for _, path in published)


def suffix(file: ProducedFile) -> str:
    """What distinguishes a companion file's name from the main file's."""
    extension = Path(file.path).suffix
    if file.role is FileRole.INFO:
        return ".info.json"
    part = file.language or file.chapter
    return f".{part}{extension}" if part else extension


def file_rows(job: Job, published: Published) -> list[MediaFile]:
    return [
        MediaFile(
            job=job,
            role=file.role,
            path=path,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            mime_type=file.mime_type,
            duration_seconds=file.duration_seconds,
            language=file.language or "",
        )
        for file, path in published
    ]


def _publish(file: ProducedFile, name: str, beat: Callable[[], None]) -> str:
    """What a download took hours for must not be lost because the store restarts."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    described = storage.Described(sha256=file.sha256, mime_type=file.mime_type)
    while True:
        try:
            return storage.publish(file.path, name, described, beat)
        except storage.Unavailable as error:
            if time.monotonic() > deadline:
                raise
            log.warning("storage out of reach", error=str(error))
        beat()
        time.sleep(POLL_SECONDS)
