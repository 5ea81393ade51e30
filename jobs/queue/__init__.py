"""The only importer of django-q2: wake-ups for workers and their processes. Carries no state of jobs."""

from jobs.queue.wakeups import WORK, BrokerUnreachable, check_broker, run_soon, wake, wake_for

__all__ = ["WORK", "BrokerUnreachable", "check_broker", "run_soon", "wake", "wake_for"]
