"""What operators do to anybody's jobs, many at once: through the same services as callers, and with a record of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from jobs import asking, services
from jobs.bulk import Outcome
from jobs.engine.contract import FailureCode
from jobs.errors import StateConflict, ValueRefused
from jobs.models import Job
from jobs.states import State

MOST = 1000  # at once, so that a request ends in time; who wants more goes on
AT_ONCE = 100  # rows in memory


def requeue(job: Job) -> Job:
    """Put a job back into the queue from wherever that is possible: paused, failed, cancelled or expired."""
    if job.state == State.PAUSED:
        return services.resume(job)
    if job.state == State.QUEUED:
        raise StateConflict(f"Job {job.public_id} is queued already.")
    return services.retry(job)


_VERBS: Mapping[str, Callable[[Job], object]] = {
    "cancel": partial(services.cancel, wait=False),
    "pause": partial(services.pause, wait=False),
    "resume": services.resume,
    "retry": services.retry,
    "requeue": requeue,
    "extend": services.extend,
    "delete": services.delete_files,
}
VERBS = (*_VERBS, "reprioritise")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which jobs are meant, all conditions together. Nothing given means all jobs."""

    ids: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    host: str = ""
    owner: str = ""
    error_code: str = ""
    batch: str = ""
    older_than: timedelta | None = None  # since they came in

    def jobs(self) -> QuerySet[Job]:
        """The rows, newest first. Raises ValueRefused for states and codes that there are not."""
        _refuse_unknown("state", self.states, [state.value for state in State])
        _refuse_unknown(
            "error_code", (self.error_code,) if self.error_code else (), [code.value for code in FailureCode]
        )
        conditions: dict[str, Any] = {
            "public_id__in": self.ids,
            "state__in": self.states,
            "host": self.host.lower(),
            "owner__username": self.owner,
            "error_code": self.error_code,
            "batch__public_id": self.batch,
        }
        jobs = Job.objects.filter(**{name: value for name, value in conditions.items() if value})
        if self.older_than is not None:
            jobs = jobs.filter(created_at__lt=timezone.now() - self.older_than)
        return jobs.order_by("-created_at", "-id")

    def __str__(self) -> str:
        told = {
            "state": ", ".join(self.states),
            "host": self.host,
            "owner": self.owner,
            "error": self.error_code,
            "batch": self.batch,
            "older than": str(self.older_than or ""),
        }
        return "; ".join(f"{name} {value}" for name, value in told.items() if value)


def apply(
    actor: Actor, verb: str, jobs: QuerySet[Job], *, priority: int | None = None, most: int = MOST, details: str = ""
) -> Outcome:
    """Do it to each of the jobs by itself: one that refuses does not keep the others from it. One entry in the audit.

    At most `most` of them, in the order of the query; `Outcome.is_cut` tells whether there are more. `details` says
    how they were chosen. Raises ValueRefused when the verb needs a priority and has none that is possible.
    """
    change = _reprioritising(priority) if verb == "reprioritise" else _VERBS[verb]
    keys = list(jobs.values_list("pk", flat=True)[: most + 1])
    outcome = Outcome(is_cut=len(keys) > most)
    touched: list[str] = []
    with asking.as_operator():
        for job in _in_chunks(keys[:most]):
            if outcome.attempt(change, job) and len(touched) < audit.SUBJECTS_KEPT:
                touched.append(job.public_id)
    told = f"{details} to priority {priority}".strip() if verb == "reprioritise" else details
    audit.record(actor, verb, "job", touched, done=outcome.done, refusals=outcome.refusals, details=told)
    return outcome


def _in_chunks(keys: list[int]) -> Iterator[Job]:
    """The rows as they are when their turn comes, in the order of the keys; those that are gone are left out."""
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        rows = Job.objects.select_related("owner", "api_key").in_bulk(some)
        yield from (rows[key] for key in some if key in rows)


def _reprioritising(priority: int | None) -> Callable[[Job], object]:
    if priority is None or not services.LOWEST_PRIORITY <= priority <= services.HIGHEST_PRIORITY:
        message = f"Give a priority from {services.LOWEST_PRIORITY} to {services.HIGHEST_PRIORITY}."
        raise ValueRefused("priority", message)
    return lambda job: services.reprioritise(job, priority)


def _refuse_unknown(name: str, given: tuple[str, ...], known: list[str]) -> None:
    for value in given:
        if value not in known:
            raise ValueRefused(name, f"There is no {name} {value!r}. There are {', '.join(known)}.")
