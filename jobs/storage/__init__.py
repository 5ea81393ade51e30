"""Results and work directories: atomic publishing, opening, deleting, listing, and how much room there is.

Where results lie is a Django storage: `local` or `s3`. Work directories are always on the worker's own disk.
"""

from jobs.storage.errors import Interrupted, NotPlain, Unavailable
from jobs.storage.figures import free_bytes, quota_bytes, reserved_bytes, used_bytes
from jobs.storage.remote import RemoteFile
from jobs.storage.results import (
    Described,
    Stored,
    abort_uploads,
    check_access,
    delete_result,
    direct_link,
    is_remote,
    load,
    no_beat,
    open_result,
    own_name,
    probe,
    publish,
    results,
    results_before,
    settle_time,
)
from jobs.storage.work import discard, make_work_directory, set_aside, work_directories, work_directory

__all__ = [
    "Described",
    "Interrupted",
    "NotPlain",
    "RemoteFile",
    "Stored",
    "Unavailable",
    "abort_uploads",
    "check_access",
    "delete_result",
    "direct_link",
    "discard",
    "free_bytes",
    "is_remote",
    "load",
    "make_work_directory",
    "no_beat",
    "open_result",
    "own_name",
    "probe",
    "publish",
    "quota_bytes",
    "reserved_bytes",
    "results",
    "results_before",
    "set_aside",
    "settle_time",
    "used_bytes",
    "work_directories",
    "work_directory",
]
