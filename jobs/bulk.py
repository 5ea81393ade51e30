"""The verbs for what somebody ticked: jobs and batches, each on its own. One that cannot be changed stops no other."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from accounts.models import User
from jobs import batch_services, queries, services
from jobs.errors import JobError, StateConflict
from jobs.models import Batch, Job
from jobs.states import State

One = TypeVar("One")
MOST = 500  # at once

_OF_JOBS: Mapping[str, Callable[[Job], object]] = {
    "pause": lambda job: services.pause(job, wait=False),
    "resume": services.resume,
    "cancel": lambda job: services.cancel(job, wait=False),
    "retry": services.retry,
    "delete": services.delete_files,
}
_STATES: Mapping[str, tuple[State, ...]] = {
    "pause": (State.QUEUED, State.RUNNING),
    "resume": (State.PAUSED,),
    "delete": (State.COMPLETED,),
}
VERBS = tuple(_OF_JOBS)


@dataclass
class Outcome:
    """How many jobs and batches were changed, and why the others were not."""

    done: int = 0
    refusals: list[str] = field(default_factory=list)
    is_cut: bool = False  # whether there are more than may be changed at once

    def attempt(self, change: Callable[[One], object], one: One) -> bool:
        """Change one and count it. False, and the reason kept, when the domain refuses."""
        try:
            change(one)
        except JobError as refusal:
            self.refusals.append(str(refusal))
            return False
        self.done += 1
        return True


def apply(owner: User, verb: str, public_ids: Iterable[str]) -> Outcome:
    """Do it to each of the owner's jobs and batches among the ids; other ids are left out, as if they did not exist."""
    wanted = list(dict.fromkeys(public_ids))[:MOST]
    outcome = Outcome()
    for job in queries.visible_to(owner).filter(public_id__in=wanted):
        outcome.attempt(_OF_JOBS[verb], job)
    for batch in queries.batches_visible_to(owner).filter(public_id__in=wanted):
        outcome.attempt(lambda one: _to_batch(one, verb), batch)
    return outcome


def _to_batch(batch: Batch, verb: str) -> None:
    """The batch's own verb, or that of each of its jobs that it fits."""
    if verb == "cancel":
        batch_services.cancel_batch(batch, wait=False)
        return
    if verb == "retry":
        batch_services.retry_batch(batch)
        return
    outcome = Outcome()
    for job in Job.objects.filter(batch=batch, state__in=_STATES[verb]):
        outcome.attempt(_OF_JOBS[verb], job)
    if not outcome.done:
        raise StateConflict(f"Batch {batch.public_id} has no downloads for that.")
