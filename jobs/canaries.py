"""Reading the operators' probe links every so often, through the same extraction as callers', to notice early when
downloads from a site begin to fail. Safe to run twice at once: who moves a link's time on reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from jobs import extraction, figures, links, queries
from jobs.engine.contract import FailureCode
from jobs.errors import ExtractionFailed, ExtractionTimeout, LinkRefused, QueueFull
from jobs.models import ProbeLink
from jobs.states import ExtractionKind, ExtractionState

log = structlog.get_logger(__name__)

FAILURES_TOLD = 2  # in a row: the first one may be a hiccup, and is looked into a minute later
AGAIN = timedelta(minutes=1)
AT_ONCE = 20
LIVE = (ExtractionState.QUEUED, ExtractionState.RUNNING)
# Trouble of this service, which says nothing about the site.
OURS = frozenset({FailureCode.DISK_FULL, FailureCode.INTERNAL, FailureCode.RUNTIME_MISSING})


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A site from which downloads fail, as far as its probe links tell."""

    host: str
    since: datetime
    error_code: str
    error: str
    engine_days: int | None  # how old the yt-dlp is that downloads run with

    def sentence(self, shown: Callable[[datetime], str]) -> str:
        """`shown` writes a time for whoever reads it."""
        told = f"Downloads from {self.host} fail since {shown(self.since)}"
        if self.engine_days is None:
            return f"{told}."
        return f"{told}; yt-dlp is {self.engine_days} days old."


def add(owner: User, probe: ProbeLink) -> ProbeLink:
    """Store a new probe link. Raises LinkRefused for links that this installation does not take."""
    probe.owner, probe.host = owner, links.accepted_host(probe.url)
    probe.save()
    return probe


def change(probe: ProbeLink) -> None:
    """Store a changed link or switch; what was known of the old link is forgotten, and it is read soon."""
    probe.host = links.accepted_host(probe.url)
    probe.due_at, probe.reading, probe.checked_at = timezone.now(), None, None
    probe.failures, probe.failing_since, probe.error_code, probe.error = 0, None, "", ""
    probe.save()


def hurry(probes: QuerySet[ProbeLink]) -> int:
    """Have links read at once that are not being read. Returns how many."""
    return probes.filter(is_active=True, reading__isnull=True).update(due_at=timezone.now())


def is_needed() -> bool:
    """Whether `run` has anything to do."""
    return _due().exists() or _read().exists()


def run() -> None:
    """Take in what was read, and have read what is due."""
    for probe in _read().select_related("reading")[:AT_ONCE]:
        _take_in(probe)
    for probe in _due().select_related("owner")[:AT_ONCE]:
        _ask(probe)


def failing() -> list[Trouble]:
    """The sites whose probe links cannot be read, one entry a site, the longest trouble first."""
    rows = ProbeLink.objects.filter(is_active=True, failures__gte=FAILURES_TOLD, failing_since__isnull=False)
    first: dict[str, ProbeLink] = {}
    for probe in rows.order_by("failing_since", "id"):
        first.setdefault(probe.host, probe)
    days = figures.age_days(queries.engine_version()) if first else None
    return [
        Trouble(
            host=probe.host,
            since=probe.failing_since or probe.created_at,
            error_code=probe.error_code,
            error=probe.error,
            engine_days=days,
        )
        for probe in first.values()
    ]


def health_by_site() -> dict[str, bool]:
    """Whether each site with active probe links that were read lately can be downloaded from: for metrics."""
    healthy: dict[str, bool] = {}
    for host, failures in ProbeLink.objects.filter(is_active=True, checked_at__isnull=False).values_list(
        "host", "failures"
    ):
        healthy[host] = healthy.get(host, True) and failures < FAILURES_TOLD
    return healthy


def _due() -> QuerySet[ProbeLink]:
    active = ProbeLink.objects.filter(is_active=True, due_at__lte=timezone.now(), reading__isnull=True)
    return active if settings.CANARY_MINUTES else active.none()


def _read() -> QuerySet[ProbeLink]:
    """Links whose reading has come to an end."""
    return ProbeLink.objects.filter(reading__isnull=False).exclude(reading__state__in=LIVE)


def _ask(probe: ProbeLink) -> None:
    now = timezone.now()
    mine = ProbeLink.objects.filter(pk=probe.pk, due_at=probe.due_at, reading__isnull=True)
    with transaction.atomic():
        if not mine.update(due_at=now + timedelta(minutes=settings.CANARY_MINUTES)):
            return
        try:
            asked = extraction.ask(probe.owner, ExtractionKind.VIDEO, probe.url, parameters={"trial": now.isoformat()})
        except LinkRefused as refusal:
            _note(probe, ExtractionFailed(FailureCode.UNSUPPORTED_URL, str(refusal)))
        except QueueFull:  # callers wait for pages: the canary comes when there is room
            ProbeLink.objects.filter(pk=probe.pk).update(due_at=now + AGAIN)
        else:
            ProbeLink.objects.filter(pk=probe.pk).update(reading=asked)


def _take_in(probe: ProbeLink) -> None:
    reading = probe.reading
    if reading is None or not ProbeLink.objects.filter(pk=probe.pk, reading=reading).update(reading=None):
        return
    try:
        extraction.answer_of(reading)
    except ExtractionFailed as failure:
        _note(probe, failure)
    except ExtractionTimeout as late:
        _note(probe, ExtractionFailed(FailureCode.TIMEOUT, str(late)))
    else:
        _note(probe, None)


def _note(probe: ProbeLink, failure: ExtractionFailed | None) -> None:
    now = timezone.now()
    row = ProbeLink.objects.filter(pk=probe.pk)
    if failure is None:
        if probe.failures >= FAILURES_TOLD:
            log.info("site answers again", site=probe.host, failed_since=str(probe.failing_since))
        row.update(checked_at=now, failures=0, failing_since=None, error_code="", error="")
        return
    if failure.code in OURS:
        row.update(due_at=now + AGAIN)
        return
    failures = probe.failures + 1
    if failures == FAILURES_TOLD:
        log.warning("site fails", site=probe.host, code=failure.code)
    soon = {"due_at": now + AGAIN} if failures < FAILURES_TOLD else {}
    row.update(
        checked_at=now,
        failures=failures,
        failing_since=probe.failing_since or now,
        error_code=failure.code,
        error=str(failure),
        **soon,
    )
