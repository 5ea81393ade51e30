"""The only importer of django-q2: wake-ups for the workers, their schedules, their processes. Carries no state of jobs."""
