"""The only importer of django-q2: wake-ups for workers and their processes. Carries no state of jobs."""

from jobs.queue.wakeups import WORK, run_soon, wake

__all__ = ["WORK", "run_soon", "wake"]
