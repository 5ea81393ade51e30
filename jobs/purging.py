"""Forgetting jobs that are over: their files, then their rows with all that hangs on them. Cannot be taken back."""

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts import audit
from accounts.audit import Actor
from jobs import retention
from jobs.models import Batch, Job
from jobs.states import TERMINAL, State

AT_ONCE = 200


@dataclass
class Purged:
    """How much was forgotten."""

    jobs: int = 0
    batches: int = 0


def purge(actor: Actor, jobs: QuerySet[Job], *, details: str) -> Purged:
    """Forget those of the jobs that are over, and batches that are empty then. What lives is left alone."""
    purged = Purged()
    batches: set[int] = set()
    while keys := list(jobs.filter(state__in=TERMINAL).order_by("id").values_list("pk", flat=True)[:AT_ONCE]):
        some = Job.objects.filter(pk__in=keys)
        batches.update(some.filter(batch__isnull=False).values_list("batch_id", flat=True))
        for job in some.filter(state=State.COMPLETED):
            retention.expire(job, reason="purged by the operator")
        _, by_table = some.filter(state__in=TERMINAL - {State.COMPLETED}).delete()
        gone = by_table.get(Job._meta.label, 0)
        if not gone:  # all of them came to life again meanwhile
            break
        purged.jobs += gone
    purged.batches = _without_jobs(batches)
    told = f"{details}; {purged.batches} batches" if purged.batches else details
    audit.record(actor, "purge", "job", [], done=purged.jobs, details=told)
    return purged


def _without_jobs(batches: set[int]) -> int:
    empty = Batch.objects.filter(pk__in=batches, state__in=TERMINAL, jobs__isnull=True)
    _, by_table = Batch.objects.filter(pk__in=list(empty.values_list("pk", flat=True))).delete()
    return by_table.get(Batch._meta.label, 0)
