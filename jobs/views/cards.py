"""What people see of a job: words, icons, actions, attempts. Reads jobs, changes nothing, knows no HTTP."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from jobs.engine.contract import FileRole, Phase
from jobs.models import Job, JobEvent, MediaFile
from jobs.states import State, Wish

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

STATE_WORDS: dict[str, "StrOrPromise"] = {
    State.QUEUED: _("Waiting"),
    State.RUNNING: _("Starting"),
    State.PAUSED: _("Paused"),
    State.COMPLETED: _("Ready"),
    State.FAILED: _("Failed"),
    State.CANCELLED: _("Cancelled"),
    State.EXPIRED: _("Files deleted"),
}
STILL_RUNNING = _("Running")
PHASE_WORDS: dict[str, "StrOrPromise"] = {
    Phase.EXTRACTING: _("Reading the page"),
    Phase.DOWNLOADING: _("Downloading"),
    Phase.MERGING: _("Joining picture and sound"),
    Phase.CONVERTING: _("Converting"),
    Phase.EMBEDDING: _("Adding the details"),
    Phase.PUBLISHING: _("Saving"),
}
WISH_WORDS: dict[str, "StrOrPromise"] = {Wish.PAUSE: _("Pausing"), Wish.CANCEL: _("Cancelling")}
STATE_ICONS: dict[str, str] = {
    State.QUEUED: "clock",
    State.RUNNING: "arrow-down",
    State.PAUSED: "pause",
    State.COMPLETED: "check",
    State.FAILED: "triangle-alert",
    State.CANCELLED: "ban",
    State.EXPIRED: "archive",
}
FILE_ICONS: dict[str, str] = {
    FileRole.MEDIA: "film",
    FileRole.SUBTITLE: "captions",
    FileRole.THUMBNAIL: "image",
    FileRole.INFO: "braces",
}


@dataclass(frozen=True)
class Action:
    """A button of a job. `question` is asked before an action that cannot be taken back."""

    verb: str
    label: "StrOrPromise"
    icon: str
    question: "StrOrPromise" = ""


PAUSE = Action("pause", _("Pause"), "pause")
RESUME = Action("resume", _("Resume"), "play")
CANCEL = Action("cancel", _("Cancel"), "x")
RETRY = Action("retry", _("Try again"), "rotate-ccw")
DELETE = Action("delete", _("Delete files"), "trash-2", _("Delete the files of this download? This cannot be undone."))
ACTIONS: dict[str, tuple[Action, ...]] = {
    State.QUEUED: (PAUSE, CANCEL),
    State.RUNNING: (PAUSE, CANCEL),
    State.PAUSED: (RESUME, CANCEL),
    State.COMPLETED: (DELETE,),
    State.FAILED: (RETRY,),
    State.CANCELLED: (RETRY,),
    State.EXPIRED: (RETRY,),
}


@dataclass(frozen=True)
class Attempt:
    """One run of a job, from its claim to what ended it; `ended_at` is None while it runs."""

    number: int
    began_at: datetime
    ended_at: datetime | None = None
    outcome: "StrOrPromise" = STILL_RUNNING
    reason: str = ""

    def lasted(self) -> str:
        return duration_text(self.ended_at - self.began_at) if self.ended_at else ""


@dataclass(frozen=True)
class Card:
    """A job for templates. `refusal` is why the last action was not taken."""

    job: Job
    refusal: str = ""

    @cached_property
    def files(self) -> list["FileCard"]:
        """The result files whose bytes are still there, the main one first."""
        return [FileCard(file) for file in self.job.files.all() if file.deleted_at is None]

    @property
    def name(self) -> str:
        return self.job.title or self.job.url

    @property
    def word(self) -> "StrOrPromise":
        """What the job is doing."""
        if self.job.state != State.RUNNING:
            return STATE_WORDS[self.job.state]
        return WISH_WORDS.get(self.job.wish) or PHASE_WORDS.get(self.job.phase) or STATE_WORDS[State.RUNNING]

    @property
    def icon(self) -> str:
        return STATE_ICONS[self.job.state]

    @property
    def actions(self) -> tuple[Action, ...]:
        asked = self.job.wish if self.job.state == State.RUNNING else Wish.NONE
        if asked == Wish.CANCEL:
            return ()
        return (CANCEL,) if asked == Wish.PAUSE else ACTIONS[self.job.state]

    @property
    def shows_progress(self) -> bool:
        return self.job.state == State.RUNNING or (self.job.state == State.PAUSED and bool(self.job.percent))

    @property
    def time_left(self) -> str:
        return "" if self.job.eta_seconds is None else duration_text(timedelta(seconds=self.job.eta_seconds))

    @property
    def duration(self) -> str:
        """How long the finished job took; empty before its end."""
        lasted = self.job.duration() if self.job.completed_at else None
        return "" if lasted is None else duration_text(lasted)


@dataclass(frozen=True)
class FileCard:
    """A result file for templates."""

    file: MediaFile

    @property
    def link(self) -> str:
        """Where its owner gets it, signed in; needs no signature."""
        return reverse("file", args=[self.file.public_id, self.file.name])

    @property
    def icon(self) -> str:
        return "music" if self.file.mime_type.startswith("audio/") else FILE_ICONS[self.file.role]


def is_moving(jobs: Iterable[Job]) -> bool:
    """Whether one of the jobs may change without anybody's doing."""
    return any(job.state in (State.QUEUED, State.RUNNING) for job in jobs)


def signature(jobs: Iterable[Job], *more: object) -> str:
    """An ETag that changes with whatever a card shows; `more` is what else the page shows."""
    shown = [
        (
            *(job.public_id, job.state, job.wish, job.phase, job.attempts, job.not_before, job.title),
            *(job.percent, job.downloaded_bytes, job.total_bytes, job.speed_bps, job.eta_seconds),
            *(job.error, job.expires_at, job.completed_at),
        )
        for job in jobs
    ]
    digest = hashlib.sha256(repr((settings.VERSION, shown, more)).encode()).hexdigest()
    return f'"{digest[:32]}"'


def attempts_of(events: Sequence[JobEvent]) -> list[Attempt]:
    """The runs that a job's events, oldest first, tell of. Numbers go on over retries."""
    attempts: list[Attempt] = []
    for event in events:
        if event.target == State.RUNNING:
            attempts.append(Attempt(len(attempts) + 1, event.at))
        elif event.source == State.RUNNING and attempts:
            last = attempts[-1]
            attempts[-1] = Attempt(last.number, last.began_at, event.at, outcome_word(event), event.reason)
    return attempts


def outcome_word(event: JobEvent) -> "StrOrPromise":
    """What a move out of `running` means to people."""
    return gettext("Put off") if event.target == State.QUEUED else STATE_WORDS[event.target]


def duration_text(duration: timedelta) -> str:
    """`42 s`, `3 min 5 s`, `1 h 20 min`."""
    seconds = max(0, round(duration.total_seconds()))
    minutes, hours = seconds // 60, seconds // 3600
    if hours:
        return gettext("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes % 60}
    if minutes:
        return gettext("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": seconds % 60}
    return gettext("%(seconds)d s") % {"seconds": seconds}


def kept_text() -> str:
    """How long results are kept, for a sentence; empty when for ever."""
    hours = settings.FILE_RETENTION_HOURS
    if not hours:
        return ""
    if hours < 1:
        minutes = round(hours * 60)
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    if hours % 24:
        return ngettext("%(count)g hour", "%(count)g hours", hours) % {"count": hours}
    return ngettext("%(count)d day", "%(count)d days", hours // 24) % {"count": hours // 24}
