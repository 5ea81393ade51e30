"""What people see of a job: words, icons, actions, attempts. Reads jobs, changes nothing, knows no HTTP."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from jobs import canaries, circuit, history, queries
from jobs.engine.contract import FileRole, Phase
from jobs.models import DEFAULT_PRIORITY, Batch, Extraction, Job, JobEvent, MediaFile
from jobs.queries import Figures
from jobs.states import TERMINAL, ExtractionKind, ExtractionState, State, Wish
from jobs.thumbnails import token_of
from jobs.views.sentences import said

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LONGEST_TAIL = 40
PICTURE, TITLE = "picture_address", "page_title"  # as rows have them, which do not load all that is known of a job
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
    FileRole.CHAPTER: "film",
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
RETRY_FAILED = Action("retry", _("Retry what failed"), "rotate-ccw")
CANCEL_BATCH = Action("cancel", _("Cancel all"), "x", _("Cancel every download of this batch that has not finished?"))
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
class Happening:
    """A move of a job from one state to another, for its timeline."""

    event: JobEvent

    @property
    def target(self) -> str:
        return self.event.target

    @property
    def at(self) -> datetime:
        return self.event.at

    @property
    def word(self) -> "StrOrPromise":
        return STILL_RUNNING if self.event.target == State.RUNNING else STATE_WORDS[self.event.target]

    @property
    def reason(self) -> str:
        return said(self.event.reason)


@dataclass(frozen=True)
class Card:
    """A job for templates. `refusal` is why the last action was not taken."""

    job: Job
    refusal: str = ""

    @cached_property
    def files(self) -> list["FileCard"]:
        """The result files whose bytes are still there, the main one first."""
        return [FileCard(file) for file in queries.present_files(self.job)]

    @property
    def name(self) -> str:
        return self.job.title or getattr(self.job, TITLE, None) or short_link(self.job.url)

    @property
    def error(self) -> str:
        """Why it failed, or is put off."""
        return said(self.job.error)

    @property
    def thumbnail(self) -> str:
        """What stands for its picture; empty when none is known."""
        if "metadata" in self.job.get_deferred_fields():
            return token_of(getattr(self.job, PICTURE, None))
        return token_of((self.job.metadata or {}).get("thumbnail"))

    @property
    def may_be_moved(self) -> bool:
        """Whether its place in the queue can be changed."""
        return self.job.state in (State.QUEUED, State.PAUSED)

    @property
    def priority(self) -> int | None:
        """Where it is not the usual one, and still counts."""
        return self.job.priority if self.may_be_moved and self.job.priority != DEFAULT_PRIORITY else None

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
class BatchCard:
    """A batch for templates. `refusal` is why the last action was not taken."""

    batch: Batch
    figures: Figures
    refusal: str = ""
    is_batch = True

    @property
    def name(self) -> str:
        if self.batch.title or self.batch.url:
            return self.batch.title or short_link(self.batch.url)
        total = self.figures.total()
        return ngettext("%(count)d link", "%(count)d links", total) % {"count": total}

    @property
    def word(self) -> "StrOrPromise":
        """What the batch is doing."""
        if not self.batch.is_expanded:
            return _("Reading the list")
        if self.batch.state == State.RUNNING:
            return PHASE_WORDS[Phase.DOWNLOADING]
        return STATE_WORDS[self.batch.state]

    @property
    def error(self) -> str:
        return said(self.batch.error)

    @property
    def done(self) -> int:
        """How many of its downloads have ended well."""
        return self.figures.of(State.COMPLETED, State.EXPIRED)

    @property
    def failed(self) -> int:
        return self.figures.of(State.FAILED)

    @property
    def is_over(self) -> bool:
        return self.batch.state in TERMINAL

    @property
    def can_be_retried(self) -> bool:
        """Whether there is something that failed, or was cancelled with it."""
        return bool(self.failed) or self.batch.state in (State.FAILED, State.CANCELLED)

    @property
    def actions(self) -> tuple[Action, ...]:
        retry = (RETRY_FAILED,) if self.can_be_retried else ()
        return retry if self.is_over else (*retry, CANCEL_BATCH)


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


def pictured(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Jobs for rows: with picture and title as far as they are known, without the wide columns that rows do not show.

    Before a download tells them, a look at its page may have.
    """
    looks = Extraction.objects.filter(
        owner=OuterRef("owner"), url=OuterRef("url"), kind=ExtractionKind.VIDEO, state=ExtractionState.COMPLETED
    ).order_by("-id")
    told = {
        PICTURE: Coalesce(
            KT("metadata__thumbnail"), Subquery(looks.values_list(KT("answer__metadata__thumbnail"))[:1])
        ),
        TITLE: Subquery(looks.values_list(KT("answer__metadata__title"))[:1]),
    }
    return jobs.annotate(**told).defer("metadata", "provenance", "options", "template_values")


def signature(jobs: Iterable[Job], *more: object) -> str:
    """An ETag that changes with whatever a card shows; `more` is what else the page shows."""
    shown = [
        (
            *(job.public_id, job.state, job.wish, job.phase, job.attempts, job.not_before, job.title),
            *(job.percent, job.downloaded_bytes, job.total_bytes, job.speed_bps, job.eta_seconds),
            *(job.error, job.expires_at, job.deletion_asked_at, job.completed_at, job.priority),
            *(getattr(job, name, None) for name in (PICTURE, TITLE)),
        )
        for job in jobs
    ]
    digest = hashlib.sha256(
        repr((settings.VERSION, get_language(), shown, circuit.spared(), canaries.failing(), more)).encode()
    ).hexdigest()
    return f'"{digest[:32]}"'


def attempts_of(events: Sequence[JobEvent]) -> list[Attempt]:
    """The runs that a job's events, oldest first, tell of."""
    return [
        Attempt(run.number, run.began_at, run.ended_at, outcome_word(run.target), run.reason)
        for run in history.runs_of(events)
    ]


def outcome_word(target: str | None) -> "StrOrPromise":
    """What a move out of `running` means to people; None is no move yet."""
    if target is None:
        return STILL_RUNNING
    return gettext("Put off") if target == State.QUEUED else STATE_WORDS[target]


def short_link(url: str) -> str:
    """A link as a name for what has none yet: its host and the last part of its path, `media.example/…/film.mp4`."""
    parts = urlsplit(url)
    head, _slash, last = parts.path.strip("/").rpartition("/")
    tail = f"{last}?{parts.query}" if parts.query else last
    tail = tail if len(tail) <= LONGEST_TAIL else f"{tail[: LONGEST_TAIL - 1]}…"
    return "/".join(filter(None, (parts.netloc, "…" if head else "", tail)))


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
