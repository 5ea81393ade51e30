"""Whether the service does its work: people, workers, queue, sites, webhooks."""

import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, F, Q
from django.utils import timezone

from accounts.models import ApiKey, User
from jobs import canaries, circuit, figures, queries, scheduling, storage
from jobs.diagnosis.finding import Finding, error, fine, warning
from jobs.diagnosis.machine import FULL_PERCENT
from jobs.engine.contract import FailureCode
from jobs.models import Chore, Delivery, Job, WebhookEndpoint, Worker
from jobs.states import DeliveryState, State

LONG_WAIT = timedelta(minutes=5)
LATE = timedelta(minutes=15)
FEW = 10  # ended jobs tell nothing about a rate
FEW_OF_SITE = 5  # as the alert has it
NAMED = 5  # of many workers or sites
HOUR = timedelta(hours=1)
LOOKUP_SECONDS = 5.0
SAMPLE = "jobs.tasks.sample"  # a chore that is always needed
NEWER_ENGINE = "The site may have changed: manage.py update_engine VERSION, then restart the workers."
MENDS: Mapping[str, str] = {
    FailureCode.UNSUPPORTED_URL: NEWER_ENGINE,
    FailureCode.FORMAT_UNAVAILABLE: NEWER_ENGINE,
    FailureCode.INTERNAL: NEWER_ENGINE,
    FailureCode.RATE_LIMITED: "Lower MAX_DOWNLOADS_PER_HOST, and wait.",
    FailureCode.LOGIN_REQUIRED: "Its owners should store fresh cookies.",
    FailureCode.BLOCKED_ADDRESS: "Its name leads to a private address; if that is meant, list it in EGRESS_ALLOW.",
    FailureCode.DISK_FULL: "Make room, or lower FILE_RETENTION_HOURS.",
}


def people() -> Iterator[Finding]:
    """Whether somebody can administer, and somebody call."""
    if not User.objects.filter(is_superuser=True, is_active=True).exists():
        yield error("people", "There is no active administrator.", "manage.py createsuperuser")
    usable = [key for key in ApiKey.objects.select_related("owner") if key.is_usable() and key.owner.is_active]
    if settings.REQUIRE_API_KEY and not usable:
        yield warning("people", "There is no usable API key.", "manage.py keys create USER NAME")
    else:
        yield fine("people", f"{len(usable)} usable API keys")


def workers() -> Iterator[Finding]:
    """Whether anybody downloads, who died, and whether the recurring chores are done."""
    alive, dead = list(queries.living_workers().order_by("name")), _dead()
    died = f"{len(dead)} died within a day ({_listed([_last_sign(worker) for worker in dead])})." if dead else ""
    if not alive:
        told = f"No worker is alive: nothing that waits will start. {died}".rstrip()
        yield error("workers", told, "Start one: manage.py worker (make run starts one); look at its log if it ends.")
        return
    slots = sum(worker.slots for worker in alive)
    yield fine("workers", f"{len(alive)} with {slots} slots: {_listed([worker.name for worker in alive])}")
    if dead:
        make = error if len(dead) > len(alive) else warning
        mend = "Look there at the log's last lines and at `dmesg | grep -i oom`, and start them: manage.py worker"
        yield make("workers", f"{died} {len(alive)} live.", mend)
    if Chore.objects.filter(name=SAMPLE, due_at__lt=timezone.now() - LATE).exists():
        told = "Workers live, and do none of the recurring chores: retries, retention, webhooks."
        yield error("workers", told, "Restart the workers; look for 'chore' in their log.")
    orphans = queries.orphaned().filter(lease_expires_at__lt=timezone.now() - HOUR / 60).count()
    if orphans:
        yield error(
            "workers", f"{orphans} running jobs have no living worker.", "Restart the workers: they recover them."
        )


def _dead() -> list[Worker]:
    """Who fell silent without a goodbye on a host where nobody works since, the last one first. Rows go after a day."""
    alive = queries.living_workers()
    gone = Worker.objects.exclude(pk__in=alive.values("pk")).exclude(host__in=alive.values("host"))
    return list(gone.order_by("-seen_at"))


def _last_sign(worker: Worker) -> str:
    return f"{worker.name} at {worker.seen_at:%H:%M} UTC"


def _listed(words: list[str]) -> str:
    more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return ", ".join(words[:NAMED]) + more


def tools() -> Iterator[Finding]:
    """What living workers have told of their yt-dlp and ffmpeg, which need not be this machine's."""
    alive = list(queries.living_workers().order_by("name"))
    bare = [worker.name for worker in alive if worker.tools.get("ffmpeg") == ""]
    if bare:
        told = f"ffmpeg is missing on {len(bare)} of {len(alive)} workers: {_listed(bare)}. Downloads fail there."
        yield error("tools of workers", told, "Install ffmpeg there, or set FFMPEG_LOCATION, and restart them.")
    ages = {worker.name: figures.age_days(worker.tools.get("yt_dlp", "")) or 0 for worker in alive}
    old = [f"{name} ({days} days)" for name, days in ages.items() if days > settings.YTDLP_OLD_DAYS]
    if old:
        told = f"yt-dlp is old on {len(old)} of {len(alive)} workers: {_listed(old)}. Sites change faster than that."
        yield warning("tools of workers", told, "manage.py update_engine VERSION, then restart the workers.")
    if not bare and not old:
        yield fine("tools of workers", f"{len(alive)} workers told, and lack nothing")


def queue() -> Iterator[Finding]:
    """Whether jobs wait longer than they should."""
    late = scheduling.due().filter(queued_at__lt=timezone.now() - LONG_WAIT)
    oldest = late.order_by("queued_at").only("public_id", "queued_at").first()
    if oldest is None:
        yield fine("queue", "nothing waits for long")
        return
    running, slots = Job.objects.filter(state=State.RUNNING).count(), sum(w.slots for w in queries.living_workers())
    waits = timedelta(seconds=int((timezone.now() - oldest.queued_at).total_seconds()))
    told = f"{late.count()} jobs wait for over 5 minutes, {oldest.public_id} for {waits},"
    if not slots:
        yield error("queue", f"{told} and no worker is alive.", "Start one: manage.py worker")
    elif running < slots:
        mend = "Look for MAX_DOWNLOADS_PER_HOST and users' allowances that hold them; else restart the workers."
        yield warning("queue", f"{told} while {slots - running} of {slots} slots are free.", mend)
    else:
        mend = "Raise MAX_CONCURRENT_DOWNLOADS, or start workers on more hosts."
        yield warning("queue", f"{told} and all {slots} slots are taken.", mend)


def room() -> Iterator[Finding]:
    """Whether results have nearly taken what they may."""
    quota = storage.quota_bytes()
    if not quota:
        return
    percent = 100 * (storage.used_bytes() + storage.reserved_bytes()) // quota
    told = f"Results take {percent} % of STORAGE_QUOTA_BYTES."
    if percent > FULL_PERCENT:
        yield warning("room", told, "Lower FILE_RETENTION_HOURS, delete results in the admin, or raise the bound.")
    else:
        yield fine("room", told)


def failures() -> Iterator[Finding]:
    """Whether most downloads of the last hour failed, and why."""
    ended = Job.objects.filter(completed_at__gt=timezone.now() - HOUR).order_by()
    failed = ended.filter(state=State.FAILED)
    lost, all_of_them = failed.count(), ended.exclude(state=State.CANCELLED).count()
    if all_of_them < FEW or 2 * lost < all_of_them:
        yield fine("failures", f"{lost} of {all_of_them} downloads of the last hour failed")
        return
    by_class = failed.values_list("error_code", "host").annotate(jobs=Count("id")).order_by("-jobs")[:3]
    most = ", ".join(f"{code} at {host} ({jobs})" for code, host, jobs in by_class)
    told = f"{lost} of {all_of_them} downloads of the last hour failed, most of them with {most}."
    yield warning("failures", told, "Look at one: manage.py jobs list --state failed --limit 5, then jobs show ID.")


def failing_sites() -> Iterator[Finding]:
    """Sites that more than half of the downloads of the last hour failed at, the worst first, and what helps there."""
    ended = Job.objects.filter(completed_at__gt=timezone.now() - HOUR).exclude(state=State.CANCELLED).order_by()
    counts = ended.values("host").annotate(jobs=Count("id"), lost=Count("id", filter=Q(state=State.FAILED)))
    failing = counts.filter(jobs__gte=FEW_OF_SITE, lost__gt=F("jobs") / 2.0).order_by("-lost", "host")
    for site in failing[:NAMED]:
        failed = ended.filter(state=State.FAILED, host=site["host"]).values("error_code")
        code = failed.annotate(jobs=Count("id")).order_by("-jobs", "error_code").values_list("error_code", flat=True)[0]
        told = (
            f"{site['lost']} of {site['jobs']} downloads from {site['host']} failed within an hour, mostly with {code}."
        )
        look = f"manage.py jobs list --state failed --host {site['host']} --limit 5, then jobs show ID."
        yield warning("sites", told, f"{MENDS.get(code, '')} Look at some: {look}".lstrip())


def sites() -> Iterator[Finding]:
    """What sites make of this service."""
    for host, until in circuit.spared().held.items():
        told = f"{host} answered that it gets too many requests; its queue is held until {until:%H:%M} UTC."
        yield warning("sites", told, "Wait, send fewer requests (MAX_DOWNLOADS_PER_HOST), or release it in the admin.")
    for trouble in canaries.failing():
        mend = (
            f"Look at the probe link in the admin ({trouble.error_code}); try a newer yt-dlp: manage.py update_engine"
        )
        yield warning("sites", trouble.sentence(lambda moment: f"{moment:%Y-%m-%d %H:%M} UTC"), mend)
    watched = len(canaries.health_by_site())
    yield fine("sites", f"{watched} are watched by probe links")


def names() -> Iterator[Finding]:
    """Whether names of hosts are found: of the newest job's, which somebody wants to be reached."""
    host = Job.objects.order_by("-created_at", "-id").values_list("host", flat=True).first()
    if host is None:
        return
    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(socket.getaddrinfo, host, 443).result(LOOKUP_SECONDS)
    except (OSError, TimeoutError):
        told = f"The name {host}, of the newest job, is not found."
        yield warning("names", told, "Check /etc/resolv.conf, and the container's DNS and network.")
    else:
        yield fine("names", f"{host} is found")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def webhooks() -> Iterator[Finding]:
    """Whether messages leave, and which receivers gave up on us."""
    late = Delivery.objects.filter(state=DeliveryState.PENDING, due_at__lt=timezone.now() - LATE).count()
    if late:
        yield error("webhooks", f"{late} messages should have been sent long ago.", "Restart the workers.")
    gone = WebhookEndpoint.objects.filter(is_active=False).exclude(disabled_reason="").count()
    if gone:
        told = f"{gone} webhooks were turned off because their receivers are gone."
        yield warning("webhooks", told, "Tell their owners, or turn them on again in the admin.")
    if not late and not gone:
        yield fine("webhooks", "nothing is late")
