"""A job as operators' commands tell it."""

from collections.abc import Mapping
from typing import Any

from jobs import circuit, queries
from jobs.models import Job

COLUMNS = ("id", "state", "owner", "host", "title", "error_code", "attempts", "created_at")
LONGEST_TITLE = 40


def row(job: Job) -> dict[str, Any]:
    """What a list tells of a job."""
    return {
        "id": job.public_id,
        "state": job.state,
        "owner": job.owner.get_username(),
        "host": job.host,
        "title": job.title[:LONGEST_TITLE],
        "error_code": job.error_code,
        "attempts": job.attempts,
        "priority": job.priority,
        "worker_host": job.worker_host,
        "created_at": job.created_at,
        "completed_at": job.completed_at,
    }


def document(job: Job) -> dict[str, Any]:
    """All that an operator may want to know of a job. No secrets: of a cookie jar, its name."""
    log = queries.log_of(job)
    wait = circuit.wait_of(job, circuit.spared())
    return {
        **row(job),
        "title": job.title,
        "url": job.url,
        "api_key": str(job.api_key) if job.api_key else None,
        "batch": job.batch.public_id if job.batch else None,
        "cookie_jar": str(job.cookie_jar) if job.cookie_jar else None,
        "correlation_id": job.correlation_id,
        "options": job.options,
        "error": job.error,
        "percent": job.percent,
        "waits_until": wait.until if wait else None,
        "waits_because": wait.reason if wait else None,
        "queued_at": job.queued_at,
        "started_at": job.started_at,
        "expires_at": job.expires_at,
        "versions": (job.provenance or {}).get("versions", {}),
        "events": list(job.events.values("at", "source", "target", "attempt", "reason")),
        "files": list(job.files.values("public_id", "role", "path", "size_bytes", "sha256", "deleted_at")),
        "deliveries": list(job.deliveries.values("public_id", "event", "host", "state", "attempts", "created_at")),
        "log": log.lines if log else [],
    }


def lines(told: Mapping[str, Any]) -> list[str]:
    """The document for people: facts, then what happened, files, messages and the log."""
    lists = ("events", "files", "deliveries", "log")
    facts = {name: value for name, value in told.items() if name not in lists and value not in (None, "", {})}
    width = max(len(name) for name in facts)
    shown = [f"{name.replace('_', ' ').ljust(width)}  {value}" for name, value in facts.items()]
    for name in lists:
        if told[name]:
            shown += ["", name.capitalize(), *(f"  {_line(one)}" for one in told[name])]
    return shown


def _line(one: Any) -> str:
    if not isinstance(one, dict):
        return str(one)
    return "  ".join(f"{value}" for value in one.values() if value not in (None, ""))
