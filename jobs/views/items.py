"""What people see of a finished download in their library. Reads jobs, changes nothing, knows no HTTP."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from accounts import allowances
from accounts.models import User
from jobs import file_links, queries, quotas, retention, thumbnails
from jobs.engine.contract import FileRole
from jobs.models import Job, MediaFile
from jobs.views.cards import FileCard

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# What current browsers play; whether one of them does is known by its player alone.
PLAYABLE = frozenset(
    {
        *("video/mp4", "video/webm", "video/ogg", "video/x-m4v", "video/quicktime"),
        *("audio/mpeg", "audio/mp4", "audio/ogg", "audio/webm", "audio/wav", "audio/flac", "audio/aac"),
    }
)
# What `<img>` shows.
PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"})
SOON = timedelta(minutes=30)


@dataclass(frozen=True)
class Track:
    """Subtitles that a player can show."""

    file: FileCard
    language: str
    label: str


@dataclass(frozen=True)
class Item:
    """A finished download for templates. `refusal` is why the last action was not taken."""

    job: Job
    refusal: "StrOrPromise" = ""

    @property
    def name(self) -> str:
        return self.job.title or self.job.url

    @cached_property
    def files(self) -> list[FileCard]:
        """The files whose bytes are there, the main one first."""
        files = queries.present_files(self.job)
        main = queries.main_file(self.job)
        return [FileCard(file) for file in sorted(files, key=lambda file: file != main)]

    @property
    def main(self) -> FileCard | None:
        return self.files[0] if self.files else None

    @property
    def size_bytes(self) -> int:
        return sum(card.file.size_bytes for card in self.files)

    @property
    def signed_path(self) -> str:
        """A way to the main file for people and players that are not signed in; see `file_links.path_of`."""
        return file_links.path_of(self.main.file) if self.main else ""

    @property
    def length(self) -> str:
        """How long it plays: `3:05`, `1:20:00`."""
        seconds = self.main.file.duration_seconds if self.main else None
        return clock_text(seconds) if seconds else ""

    @property
    def picture(self) -> str:
        """The address of a picture: one that came with the download, else the site's; empty without one."""
        pictures = [card.link for card in self.files if is_picture(card.file)]
        if pictures:
            return pictures[0]
        token = thumbnails.token_of((self.job.metadata or {}).get("thumbnail"))
        return reverse("jobs:thumbnail", args=[token]) if token else ""

    @property
    def is_audio(self) -> bool:
        return self.main is not None and self.main.file.mime_type.startswith("audio/")

    @property
    def plays(self) -> bool:
        """Whether a browser may be able to play it."""
        return self.main is not None and self.main.file.mime_type in PLAYABLE

    @property
    def tracks(self) -> list[Track]:
        """Subtitles in the one format that browsers read."""
        subtitles = [card for card in self.files if card.file.role == FileRole.SUBTITLE and card.file.format == "vtt"]
        return [Track(card, card.file.language or "und", card.file.language or card.file.name) for card in subtitles]

    @property
    def is_ending_soon(self) -> bool:
        return self.job.expires_at is not None and self.job.expires_at < timezone.now() + SOON

    @property
    def can_be_kept_longer(self) -> bool:
        expires_at = self.job.expires_at
        if expires_at is None:
            return False
        until = retention.extended(self.job)
        return until is None or until > expires_at + timedelta(seconds=1)

    @property
    def page(self) -> str:
        return reverse("jobs:item", args=[self.job.public_id])


@dataclass(frozen=True)
class Room:
    """How much of their room somebody's files take; `allowed` is None where there is no bound."""

    used: int
    allowed: int | None

    @property
    def percent(self) -> int:
        """0 to 100, for a meter."""
        return min(100, round(100 * self.used / self.allowed)) if self.allowed else 0

    @property
    def is_nearly_full(self) -> bool:
        return self.percent >= 90


def room_of(user: User) -> Room:
    """What a user's kept files take of the quota."""
    account = quotas.Account(name="", mine={"owner": user}, allowance=allowances.of_user(user))
    return Room(used=account.stored_bytes(), allowed=account.allowance.stored_bytes)


def is_picture(file: MediaFile) -> bool:
    return file.role == FileRole.THUMBNAIL and file.mime_type in PICTURES


def clock_text(seconds: float) -> str:
    """`0:42`, `3:05`, `1:20:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
