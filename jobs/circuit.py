"""Sparing sites that ask for fewer requests: first one download at a time, then none until a cool-down is over.

A site is the host name of links. Counted are answers such as 429 in a row (`rate_limited`), whichever worker got them;
one download that succeeds ends it. After a cool-down one download tries the site again, and another such answer holds
it for twice as long. Nothing is known here of jobs and workers: `scheduling` asks before it chooses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from jobs.models import Job, Site
from jobs.states import State

log = structlog.get_logger(__name__)

LONGEST_DOUBLING = 16


@dataclass(frozen=True, kw_only=True)
class Spared:
    """The sites that are spared now."""

    held: Mapping[str, datetime]  # until when no download from them starts
    slowed: frozenset[str]  # one download at a time


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Until when a queued job waits for its site, and why."""

    until: datetime
    reason: str
    is_for_site: bool = False


def note_refusal(host: str, *, retry_after_seconds: float | None = None) -> None:
    """Remember that a site asked for fewer requests, and for how long if it said so.

    One answer alone holds no site, whatever it asks for: any page could keep others from its host.
    """
    now = timezone.now()
    with transaction.atomic():
        Site.objects.get_or_create(host=host, defaults={"last_refused_at": now})
        site = Site.objects.select_for_update().get(host=host)
        if _is_forgotten(site, now):
            site.refusals = site.holds = 0
        is_held = site.held_until is not None and site.held_until > now
        site.refusals, site.last_refused_at = site.refusals + 1, now
        if not is_held and settings.SITE_HOLD_AFTER and site.refusals >= settings.SITE_HOLD_AFTER:
            site.held_until = now + max(_cool_down(site.holds), asked_for(retry_after_seconds))
            site.holds += 1
            log.warning("site is held", site=host, until=site.held_until.isoformat(), refusals=site.refusals)
        site.save(update_fields=["refusals", "holds", "last_refused_at", "held_until"])


def asked_for(retry_after_seconds: float | None) -> timedelta:
    """What a site asks for, as far as it is granted: SITE_HOLD_SECONDS_MAX at most."""
    return min(timedelta(seconds=retry_after_seconds or 0), _longest())


def note_success(host: str) -> None:
    """Remember that a site let a download through: it is spared no longer, unless others hold it just now."""
    now = timezone.now()
    over = Q(held_until__isnull=True) | Q(held_until__lte=now)
    Site.objects.filter(over, host=host).delete()


def release(host: str) -> bool:
    """Spare a site no longer, because an operator knows better. False when it was not spared."""
    deleted, _ = Site.objects.filter(host=host).delete()
    return bool(deleted)


def spared() -> Spared:
    """Which sites are held and which slowed at this moment, in one query over a small table."""
    now = timezone.now()
    sites = list(_remembered(now))
    held = {site.host: site.held_until for site in sites if site.held_until is not None and site.held_until > now}
    limit = settings.SITE_SLOW_AFTER
    slowed = frozenset(site.host for site in sites if site.host not in held and limit and site.refusals >= limit)
    return Spared(held=held, slowed=slowed)


def wait_of(job: Job, spared: Spared) -> Wait | None:
    """Why a queued job does not start, if its site is held or its own retry pause is not over; else None."""
    if job.state != State.QUEUED:
        return None
    now = timezone.now()
    site_until = spared.held.get(job.host)
    if site_until is not None and (job.not_before is None or site_until >= job.not_before):
        reason = f"{job.host} answered 429: it gets too many requests"
        return Wait(until=site_until, reason=reason, is_for_site=True)
    if job.not_before is not None and job.not_before > now:
        return Wait(until=job.not_before, reason="its last attempt failed, and it is tried again after a pause")
    return None


def _remembered(now: datetime) -> QuerySet[Site]:
    """Those whose last refusal still counts."""
    return Site.objects.filter(Q(last_refused_at__gt=now - _memory()) | Q(held_until__gt=now))


def _is_forgotten(site: Site, now: datetime) -> bool:
    return site.last_refused_at <= now - _memory() and (site.held_until is None or site.held_until <= now)


def _memory() -> timedelta:
    """How long a refusal counts: longer than any cool-down, so that the download after it still finds the site slow."""
    return 2 * _longest()


def _longest() -> timedelta:
    return timedelta(seconds=max(settings.SITE_HOLD_SECONDS_MAX, settings.SITE_HOLD_SECONDS))


def _cool_down(holds: int) -> timedelta:
    seconds = settings.SITE_HOLD_SECONDS * 2 ** min(holds, LONGEST_DOUBLING)
    return min(timedelta(seconds=seconds), _longest())
