"""Twenty downloads of every kind that matters here, and what their files must be."""

import hashlib
import time
import uuid
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.chaos.service import Service
from tests.origin import media
from tests.origin.server import Origin, Transfer

PAGE_READ_BYTES = 512 << 10  # a look at a link before it is downloaded takes less, and is no download
JOBS = 20


@dataclass(frozen=True)
class Kind:
    """One sort of download."""

    path: str
    fields: tuple[tuple[str, object], ...] = ()

    @property
    def plain(self) -> str:
        """The file of the origin that comes out unchanged; empty when ffmpeg makes another one of it."""
        name = self.path.rsplit("/", 1)[-1]
        return "" if self.fields or name.endswith(".m3u8") else name


BIG = Kind("/slow/1500000/big.mp4")
LONG = Kind("/slow/400000/long.mp4")
MERGED = Kind("/slow/100000/hls/master.m3u8")
SOUND = Kind("/slow/600000/long.mp4", (("audio_only", True), ("audio_format", "mp3")))
MIX = (*[BIG] * 10, *[LONG] * 4, *[MERGED] * 3, *[SOUND] * 3)


@dataclass
class Load:
    """The downloads of one scenario."""

    origin: Origin
    host: str  # and port of the origin, as the workers see it
    kinds: dict[str, Kind] = field(default_factory=dict)  # by job
    urls: dict[str, str] = field(default_factory=dict)  # by job, path and query

    @property
    def jobs(self) -> list[str]:
        return list(self.kinds)

    def submit(self, service: Service, kind: Kind) -> str:
        """As a careful client does: with a key, and again until there is an answer. The job's id."""
        key = uuid.uuid4().hex
        target = f"{kind.path}?key={key}"
        body = {"url": f"http://{self.host}{target}", "embed_metadata": False, **dict(kind.fields)}
        response = service.call("POST", "/download", json=body, headers={"Idempotency-Key": key})
        assert response.status_code == 202, response.text
        job = str(response.json()["request_id"])
        assert job not in self.kinds, "two submissions were taken for one"
        self.kinds[job], self.urls[job] = kind, target
        return job

    def of(self, kind: Kind) -> list[str]:
        return [job for job, its in self.kinds.items() if its == kind]

    def doubled(self, service: Service) -> int:
        """Jobs beyond one for each submission."""
        made = service.ledger.rows(f"SELECT url FROM jobs_job WHERE url LIKE 'http://{self.host}/%'")
        ours = [url for (url,) in made if url.removeprefix(f"http://{self.host}") in set(self.urls.values())]
        return len(ours) - len(self.urls)

    def fetched_again(self) -> float:
        """Of what was had when resumable downloads were cut off, how much was fetched once more, in percent."""
        again = had = 0
        for job, kind in self.kinds.items():
            if kind.plain and kind.path.startswith("/slow/"):  # of an origin that is honest
                more, before = _again([t for t in self.origin.transfers if t.target == self.urls[job]])
                again, had = again + more, had + before
        return 100.0 * again / had if had else 0.0

    def resumed_at(self, job: str) -> int:
        """At which byte the job's download went on; 0 while it has not."""
        return max((one.start for one in self.origin.transfers if one.target == self.urls[job]), default=0)


def _again(transfers: list[Transfer]) -> tuple[int, int]:
    """Bytes sent again, and bytes that were had before each transfer but the first."""
    downloads = [one for one in transfers if one.start or one.sent_bytes > PAGE_READ_BYTES]
    again = had = reached = 0
    for one in downloads:
        had += reached
        again += max(0, min(reached, one.start + one.sent_bytes) - one.start)
        reached = max(reached, one.start + one.sent_bytes)
    return again, had


@cache
def original(name: str) -> str:
    """The SHA-256 of a file of the origin."""
    return hashlib.sha256((media.directory() / name).read_bytes()).hexdigest()


def wait(holds: Any, *, seconds: float, what: str) -> None:
    """Until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
