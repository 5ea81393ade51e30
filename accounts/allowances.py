"""How much a caller may have: the allowances of a user and of a key. What they use of it, `jobs.quotas` counts."""

from dataclasses import dataclass

from django.conf import settings

from accounts.models import ApiKey, User


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """Upper bounds; None where there is none."""

    running_jobs: int | None
    jobs_per_day: int | None
    stored_bytes: int | None

    def is_unlimited(self) -> bool:
        """Whether there is nothing to count."""
        return self == UNLIMITED


UNLIMITED = Allowance(running_jobs=None, jobs_per_day=None, stored_bytes=None)


def of_user(user: User) -> Allowance:
    """What the user's row says, else what the installation grants everybody. 0 is no limit in either place."""
    return Allowance(
        running_jobs=running_jobs(user.max_running_jobs),
        jobs_per_day=_bound(user.max_jobs_per_day, settings.QUOTA_JOBS_PER_DAY),
        stored_bytes=_bound(user.max_stored_bytes, settings.QUOTA_STORED_BYTES),
    )


def of_key(key: ApiKey) -> Allowance:
    """The key's own part of its owner's allowance; by default a key may use all of that."""
    return Allowance(
        running_jobs=_bound(key.max_running_jobs, 0),
        jobs_per_day=_bound(key.max_jobs_per_day, 0),
        stored_bytes=_bound(key.max_stored_bytes, 0),
    )


def running_jobs(of_user: int | None) -> int | None:
    """How many jobs may run for a user whose row says this."""
    return _bound(of_user, settings.QUOTA_RUNNING_JOBS)


def _bound(own: int | None, default: int) -> int | None:
    return (default if own is None else own) or None
