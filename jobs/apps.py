from django.apps import AppConfig

from jobs.optional import without

with without("prometheus_client", "psutil"):  # 2 MB of every process, for figures that nobody reads
    from django_q.apps import DjangoQConfig


class JobsConfig(AppConfig):
    name = "jobs"
    default = True


class QueueConfig(DjangoQConfig):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's own, loaded leaner."""
