"""What callers use of their allowances, and the refusal of what goes beyond. The allowances are `accounts.allowances`'.

How many jobs of one caller run at once is up to `scheduling`: more of them wait, and are not refused.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Min, Sum
from django.utils import timezone

from accounts import allowances
from accounts.allowances import Allowance
from accounts.models import ApiKey, User
from jobs.errors import QuotaExceeded, StorageQuotaExceeded
from jobs.models import Job, MediaFile
from jobs.states import State

DAY = timedelta(days=1)
A_MOMENT_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class Account:
    """One who has an allowance, and how a sentence calls it."""

    name: str
    mine: dict[str, Any]  # look-ups that a job of this one matches
    allowance: Allowance

    def used_today(self) -> int:
        """Jobs submitted within the last 24 hours, whatever became of them."""
        return Job.objects.filter(**self.mine, created_at__gt=timezone.now() - DAY).count()

    def running(self) -> int:
        """Jobs that run now."""
        return Job.objects.filter(**self.mine, state=State.RUNNING).count()

    def stored_bytes(self) -> int:
        """The size of all results that are kept."""
        jobs = {f"job__{name}": value for name, value in self.mine.items()}
        kept = MediaFile.objects.filter(**jobs, deleted_at__isnull=True)
        return int(kept.aggregate(size=Sum("size_bytes"))["size"] or 0)

    def next_submission_at(self, jobs: int = 1) -> datetime | None:
        """When that many more may be submitted; None if now, or never so many at once."""
        allowed = self.allowance.jobs_per_day
        if allowed is None or jobs > allowed:
            return None
        recent = Job.objects.filter(**self.mine, created_at__gt=timezone.now() - DAY).order_by("-created_at", "-id")
        hindrance = recent.values_list("created_at", flat=True)[allowed - jobs : allowed - jobs + 1].first()
        return None if hindrance is None else hindrance + DAY

    def next_expiry_at(self) -> datetime | None:
        """When the first of its results is deleted; None when they are kept for ever."""
        return first_expiry_at(self.mine)


def accounts_of(owner: User, api_key: ApiKey | None) -> list[Account]:
    """Whose allowances a call with this key uses: the owner's, and the key's own."""
    accounts = [Account(name="Your", mine={"owner": owner}, allowance=allowances.of_user(owner))]
    if api_key is not None:
        accounts.append(Account(name="This API key's", mine={"api_key": api_key}, allowance=allowances.of_key(api_key)))
    return accounts


def held(owner: User, api_key: ApiKey | None) -> list[Account]:
    """`accounts_of`, with the owner's row locked until the transaction ends; none if none of them has bounds.

    Who also holds a batch's row takes that one afterwards. SQLite's transactions exclude each other anyway.
    """
    if all(account.allowance.is_unlimited() for account in accounts_of(owner, api_key)):
        return []
    return accounts_of(User.objects.select_for_update(no_key=True).get(pk=owner.pk), api_key)


def admit(owner: User, api_key: ApiKey | None, *, jobs: int) -> None:
    """Raise QuotaExceeded, or StorageQuotaExceeded, unless so many more jobs may be submitted. 0 is for one anew.

    To be called in the transaction that stores the jobs: of two calls that come at once, the second one waits for the
    first one's end and then counts what that has stored.
    """
    for account in held(owner, api_key):
        _refuse_bytes(account, more=0)
        _refuse_jobs(account, jobs)


def admit_result(job: Job, *, size_bytes: int) -> None:
    """Raise StorageQuotaExceeded unless a finished job's result may be stored. The transaction is that of `admit`."""
    if all(account.allowance.stored_bytes is None for account in accounts_of(job.owner, job.api_key)):
        return
    for account in held(job.owner, job.api_key):
        _refuse_bytes(account, more=size_bytes)


def largest_result(job: Job) -> int:
    """The bytes that one result of this job may have, as far as is known while it begins."""
    left = [settings.MAX_FILE_SIZE_BYTES, settings.STORAGE_QUOTA_BYTES or settings.MAX_FILE_SIZE_BYTES]
    for account in accounts_of(job.owner, job.api_key):
        if account.allowance.stored_bytes is not None:
            left.append(account.allowance.stored_bytes - account.stored_bytes())
    return max(1, min(left))


def first_expiry_at(mine: dict[str, Any]) -> datetime | None:
    """When the first result of the jobs that match is deleted; None when all are kept for ever."""
    kept = Job.objects.filter(**mine, state=State.COMPLETED, expires_at__isnull=False)
    first: datetime | None = kept.aggregate(first=Min("expires_at"))["first"]
    return first


def clock(moment: datetime) -> str:
    """As sentences tell it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def seconds_until(moment: datetime) -> int:
    """For Retry-After: one at least."""
    return max(A_MOMENT_SECONDS, int((moment - timezone.now()).total_seconds()) + 1)


def _refuse_jobs(account: Account, jobs: int) -> None:
    allowed, used = account.allowance.jobs_per_day, account.used_today()
    if not jobs or allowed is None or used + jobs <= allowed:
        return
    told = f"{account.name} quota is {allowed} download(s) in 24 hours, and {used} were submitted."
    free_at = account.next_submission_at(jobs)
    if free_at is None:
        raise QuotaExceeded(f"{told} {jobs} more at once are never possible: submit fewer.")
    more = "one more" if jobs == 1 else f"{jobs} more"
    raise QuotaExceeded(f"{told} There is room for {more} at {clock(free_at)}.", seconds_until(free_at))


def _refuse_bytes(account: Account, *, more: int) -> None:
    allowed = account.allowance.stored_bytes
    if allowed is None:
        return
    stored = account.stored_bytes()
    if stored + more <= allowed and stored < allowed:
        return
    told = f"{account.name} quota is {allowed} bytes of stored results, and {stored} are stored."
    told += f" This result has {more}." if more else ""
    free_at = account.next_expiry_at()
    if free_at is None:
        raise StorageQuotaExceeded(f"{told} Delete results that you do not need any more.")
    raise StorageQuotaExceeded(
        f"{told} The next result expires at {clock(free_at)}; results that you delete make room at once.",
        seconds_until(free_at),
    )
