"""Whether the service does its work: people, workers, queue, sites, webhooks."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from accounts.models import ApiKey, User
from jobs import canaries, circuit, queries, scheduling
from jobs.diagnosis.finding import Finding, error, fine, warning
from jobs.models import Chore, Delivery, Job, WebhookEndpoint
from jobs.states import DeliveryState, State

LONG_WAIT = timedelta(minutes=5)
LATE = timedelta(minutes=15)
FEW = 10  # ended jobs tell nothing about a rate
HOUR = timedelta(hours=1)
LOOKUP_SECONDS = 5.0
SAMPLE = "jobs.tasks.sample"  # a chore that is always needed


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
    """Whether anybody downloads, and does the recurring chores."""
    alive = list(queries.living_workers())
    if not alive:
        told = "No worker is alive: nothing that waits will start."
        yield error("workers", told, "Start one: manage.py worker (make run starts one); look at its log if it ends.")
        return
    yield fine("workers", ", ".join(f"{worker.name} with {worker.slots} slots" for worker in alive))
    if Chore.objects.filter(name=SAMPLE, due_at__lt=timezone.now() - LATE).exists():
        told = "Workers live, and do none of the recurring chores: retries, retention, webhooks."
        yield error("workers", told, "Restart the workers; look for 'chore' in their log.")
    orphans = queries.orphaned().filter(lease_expires_at__lt=timezone.now() - HOUR / 60).count()
    if orphans:
        yield error(
            "workers", f"{orphans} running jobs have no living worker.", "Restart the workers: they recover them."
        )


def queue() -> Iterator[Finding]:
    """Whether jobs wait longer than they should."""
    late = scheduling.due().filter(queued_at__lt=timezone.now() - LONG_WAIT)
    count, running = late.count(), Job.objects.filter(state=State.RUNNING).count()
    slots = sum(worker.slots for worker in queries.living_workers())
    if count and running < slots:
        told = f"{count} jobs wait for over 5 minutes while {slots - running} of {slots} slots are free."
        mend = "Look for MAX_DOWNLOADS_PER_HOST and users' allowances that hold them; else restart the workers."
        yield warning("queue", told, mend)
    elif count:
        told = f"{count} jobs wait for over 5 minutes; all {slots} slots are taken."
        yield warning("queue", told, "Raise MAX_CONCURRENT_DOWNLOADS, or start workers on more hosts.")
    else:
        yield fine("queue", "nothing waits for long")


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
