"""The tables of the domain: fields, constraints, indexes. Verbs live in `services`, moves in `lifecycle`, reads in
`queries`.
"""

from jobs.models.batch import ArchiveEntry, Batch
from jobs.models.extraction import Extraction
from jobs.models.job import DEFAULT_PRIORITY, Job, JobEvent, JobLog, MediaFile, new_file_id, new_job_id
from jobs.models.share import ShareLink
from jobs.models.site import ProbeLink, QueueSample, Site
from jobs.models.tally import Tally, TallyEntry
from jobs.models.webhook import Delivery, DeliveryAttempt, SigningSecret, WebhookEndpoint, new_message_id
from jobs.models.worker import Chore, Worker

__all__ = [
    "DEFAULT_PRIORITY",
    "ArchiveEntry",
    "Batch",
    "Chore",
    "Delivery",
    "DeliveryAttempt",
    "Extraction",
    "Job",
    "JobEvent",
    "JobLog",
    "MediaFile",
    "ProbeLink",
    "QueueSample",
    "ShareLink",
    "SigningSecret",
    "Site",
    "Tally",
    "TallyEntry",
    "WebhookEndpoint",
    "Worker",
    "new_file_id",
    "new_job_id",
    "new_message_id",
]
