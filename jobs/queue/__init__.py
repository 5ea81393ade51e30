"""The only importer of django-q2: wake-ups for workers, recurring chores, processes. Carries no state of jobs."""

from jobs.queue.wakeups import run_soon, wake

__all__ = ["run_soon", "wake"]
