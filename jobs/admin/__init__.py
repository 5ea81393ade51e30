"""The operators' pages, a module for each group of tables."""

from jobs.admin import account, batch, extraction, job, queue, share, site, tally, webhook

__all__ = ["account", "batch", "extraction", "job", "queue", "share", "site", "tally", "webhook"]
