"""The figures that come from rows, as metrics: the same on every web host, and after every restart.

What has happened (`_total`, `_sum`, buckets) is read anew each time, because a count that went back, as one kept by a
cache might, would look like a restart. What there is now is kept for some seconds, for all web processes together.
"""

from collections.abc import Iterable, Iterator

import structlog
from django.conf import settings
from django.db import DatabaseError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from jobs import canaries, circuit, figures, health, tallies
from jobs.engine.contract import FailureCode
from jobs.remembered import remembered
from jobs.states import DeliveryState, Tallied
from jobs.tallies import Amount, Key

log = structlog.get_logger(__name__)

OUTCOMES = (Tallied.COMPLETED, Tallied.FAILED, Tallied.CANCELLED)


class RowsCollector:
    """Reads rows when it is asked. Without a database it tells that there is none, and nothing else."""

    def collect(self) -> Iterator[Metric]:
        checks = health.report()
        yield gauge("media_health_check", "1 if this check of /api/v1/health is ok.", ["check"], _healthy(checks))
        yield gauge("media_info", "The service's version.", ["version"], [([settings.VERSION], 1)])
        if checks["database"].status is health.Health.FAILED:
            return
        try:
            yield from (*_happened(tallies.sums()), *_present())
        except DatabaseError:
            log.exception("metrics of rows left out")


def gauge(name: str, text: str, labels: list[str], samples: Iterable[tuple[list[str], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def counter(name: str, text: str, labels: list[str], samples: Iterable[tuple[list[str], float]]) -> CounterMetricFamily:
    """`name` without `_total`, which is added."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _healthy(checks: dict[str, health.Check]) -> list[tuple[list[str], float]]:
    return [([name], float(check.status is not health.Health.FAILED)) for name, check in checks.items()]


def _happened(sums: dict[Key, Amount]) -> Iterator[Metric]:
    everywhere = {key: amount for key, amount in sums.items() if not key.site}
    by_site = {key: amount for key, amount in sums.items() if key.site}
    completed = everywhere.get(Key(Tallied.COMPLETED, "", ""), Amount())
    yield counter(
        "media_downloads_submitted",
        "Downloads that were asked for.",
        [],
        [([], _times(everywhere, Tallied.SUBMITTED))],
    )
    yield counter(
        "media_downloads",
        "Downloads that came to an end.",
        ["outcome"],
        [([kind], _times(everywhere, kind)) for kind in OUTCOMES],
    )
    yield counter(
        "media_download_failures",
        "Downloads that failed, by code.",
        ["code"],
        [([code], everywhere.get(Key(Tallied.FAILED, "", code), Amount()).times) for code in FailureCode],
    )
    yield counter(
        "media_download_seconds", "Time from start to end of downloads that completed.", [], [([], completed.seconds)]
    )
    yield counter("media_download_bytes", "Size of all results.", [], [([], completed.size_bytes)])
    yield counter(
        "media_download_retries",
        "Attempts that failed and were followed by another one, by code.",
        ["code"],
        [
            ([code], everywhere.get(Key(Tallied.RETRIED, "", code), Amount()).times)
            for code in (*FailureCode, tallies.INTERRUPTED)
        ],
    )
    yield _waits(everywhere)
    yield counter(
        "media_webhook_attempts",
        "Attempts at messages to receivers, by what came of them.",
        ["outcome"],
        [
            ([label], everywhere.get(Key(Tallied.WEBHOOK, "", label), Amount()).times)
            for label in (DeliveryState.DELIVERED, DeliveryState.FAILED, tallies.RETRIED)
        ],
    )
    yield from _of_sites(by_site)


def _of_sites(sums: dict[Key, Amount]) -> Iterator[Metric]:
    sites = sorted({key.site for key in sums})
    yield counter(
        "media_site_downloads",
        "Downloads that came to an end, by site.",
        ["site", "outcome"],
        [([site, kind], _times(sums, kind, site)) for site in sites for kind in OUTCOMES],
    )
    yield counter(
        "media_site_failures",
        "Downloads that failed, by site and code.",
        ["site", "code"],
        [([key.site, key.label], amount.times) for key, amount in sums.items() if key.kind == Tallied.FAILED],
    )
    done = {site: sums.get(Key(Tallied.COMPLETED, site, ""), Amount()) for site in sites}
    yield counter(
        "media_site_download_seconds",
        "Time from start to end of downloads that completed, by site.",
        ["site"],
        [([site], amount.seconds) for site, amount in done.items()],
    )
    yield counter(
        "media_site_download_bytes",
        "Size of results, by site.",
        ["site"],
        [([site], amount.size_bytes) for site, amount in done.items()],
    )


def _waits(sums: dict[Key, Amount]) -> Metric:
    """How long jobs that could start waited for a worker."""
    family = HistogramMetricFamily(
        "media_queue_wait_seconds", "How long a job that could start waited for a worker (wake-up latency)."
    )
    waited = [sums.get(Key(Tallied.STARTED, "", str(bound)), Amount()) for bound in tallies.WAIT_BUCKETS]
    reached, buckets = 0, []
    for bound, amount in zip(tallies.WAIT_BUCKETS, waited, strict=True):
        reached += amount.times
        buckets.append(("+Inf" if bound == float("inf") else str(bound), float(reached)))
    family.add_metric([], buckets, sum(amount.seconds for amount in waited))
    return family


def _times(sums: dict[Key, Amount], kind: Tallied, site: str = "") -> int:
    return sum(amount.times for key, amount in sums.items() if key.kind == kind and key.site == site)


def _present() -> Iterator[Metric]:
    by_state = remembered("jobs", figures.jobs_by_state)
    yield gauge("media_jobs", "Jobs by state.", ["state"], [([state], jobs) for state, jobs in by_state.items()])
    queue = remembered("queue", figures.queue)
    yield from _of_queue(queue)
    yield from _of_workers(remembered("workers", figures.workers), queue.running)
    yield from _of_storage(remembered("storage", figures.stored))
    yield from _of_refusals(canaries.health_by_site(), circuit.spared())
    deliveries = remembered("deliveries", figures.deliveries)
    yield gauge("media_webhooks_pending", "Messages not delivered yet.", [], [([], deliveries.pending)])
    yield gauge(
        "media_webhooks_overdue_seconds",
        "For how long the message that waits longest has been due.",
        [],
        [([], deliveries.overdue_seconds)],
    )


def _of_queue(queue: figures.Queue) -> Iterator[Metric]:
    yield gauge(
        "media_queue_depth", "Jobs that wait, those before another attempt included.", [], [([], queue.waiting)]
    )
    yield gauge("media_queue_ready", "Jobs that wait and could start now.", [], [([], queue.ready)])
    yield gauge(
        "media_queue_oldest_seconds",
        "For how long the job that waits longest could have started.",
        [],
        [([], queue.oldest_seconds)],
    )
    yield gauge("media_queue_limit", "QUEUE_LIMIT: more jobs are refused.", [], [([], settings.QUEUE_LIMIT)])
    yield gauge("media_pages_waiting", "Pages that wait to be read.", [], [([], queue.pages_waiting)])
    yield gauge("media_pages_running", "Pages that are being read.", [], [([], queue.pages_running)])


def _of_workers(workers: list[figures.WorkerFigures], running: dict[str, int]) -> Iterator[Metric]:
    alive = [worker for worker in workers if worker.is_alive]
    children = dict.fromkeys((worker.host for worker in alive), 0) | running
    yield gauge(
        "media_children_running",
        "Downloads that run, by worker host.",
        ["worker_host"],
        [([host], jobs) for host, jobs in children.items()],
    )
    yield gauge("media_workers_alive", "Workers with a sign of life in the last 30 s.", [], [([], len(alive))])
    yield gauge("media_worker_slots", "Downloads that they can run at once.", [], [([], sum(w.slots for w in alive))])
    last: dict[str, float] = {}
    for worker in workers:
        last[worker.host] = min(worker.silent_seconds, last.get(worker.host, worker.silent_seconds))
    yield gauge(
        "media_worker_heartbeat_age_seconds",
        "Time since a worker host's last sign of life; for an hour.",
        ["worker_host"],
        [([host], seconds) for host, seconds in last.items()],
    )
    versions = sorted({worker.tools["yt_dlp"] for worker in alive if worker.tools.get("yt_dlp")})
    yield gauge("media_ytdlp_info", "Versions of yt-dlp at work.", ["version"], [([v], 1) for v in versions])
    ages = [age for age in map(figures.age_days, versions) if age is not None]
    yield gauge("media_ytdlp_age_days", "Age of the oldest of them.", [], [([], max(ages))] if ages else [])
    yield gauge("media_ytdlp_old_days", "YTDLP_OLD_DAYS: from when it is old.", [], [([], settings.YTDLP_OLD_DAYS)])


def _of_storage(storage: figures.Storage) -> Iterator[Metric]:
    yield gauge("media_storage_used_bytes", "Results that are kept.", [], [([], storage.used)])
    yield gauge("media_storage_reserved_bytes", "Promised to running downloads.", [], [([], storage.reserved)])
    yield gauge("media_storage_free_bytes", "What the storage has left.", [], [([], storage.free)])
    yield gauge("media_storage_size_bytes", "What the storage holds in all.", [], [([], storage.total)])
    quota: list[tuple[list[str], float]] = [] if storage.quota is None else [([], float(storage.quota))]
    yield gauge("media_storage_quota_bytes", "What results may take in all.", [], quota)


def _of_refusals(probed: dict[str, bool], spared: circuit.Spared) -> Iterator[Metric]:
    """Bounded by what operators watch, and by the sites that refuse right now."""
    yield gauge(
        "media_site_probe_ok",
        "Whether the probe links of a site can be read.",
        ["site"],
        [([site], float(is_well)) for site, is_well in probed.items()],
    )
    yield gauge("media_sites_held", "Sites that get no download for now.", [], [([], len(spared.held))])
    yield gauge("media_sites_slowed", "Sites that get one download at a time.", [], [([], len(spared.slowed))])
