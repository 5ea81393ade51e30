"""One download, or one look at a page, inside its forked, confined child: yt-dlp runs here and nowhere else.

It reports through the pipe, leaves its last word in the work directory, and never returns to the code that forked it.
"""

import dataclasses
import math
import os
import re
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import yt_dlp
from yt_dlp.downloader.fragment import HttpQuietDownloader
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor
from yt_dlp.utils import DownloadCancelled, EntryNotInPlaylist, YoutubeDLError

from jobs.engine import (
    blame,
    confinement,
    cookies,
    failures,
    feeds,
    fragments,
    hosts,
    killings,
    landlock,
    libcurl,
    messages,
    options,
    pages,
    products,
    protocols,
    reading,
    warm,
    workspace,
)
from jobs.engine.confinement import Confinement
from jobs.engine.contract import Failure, FailureCode, LogLine, Phase, Progress, Purpose, Request, Result
from jobs.engine.cutting import ClipImpossible
from jobs.engine.downloader import Downloader
from jobs.engine.progress import Meter, phase_of

PROGRESS_SECONDS = 0.25
FLUSH_SECONDS = 1.0
MAX_LINE_CHARACTERS = 2000
MAX_LINES = 1000
MAX_TITLE_CHARACTERS = 500
LOG_TAIL = 40
# How a site answers to links that it gave out some time ago.
STALE_CODES = frozenset(
    {
        FailureCode.FORMAT_UNAVAILABLE,
        FailureCode.GEO_BLOCKED,
        FailureCode.LOGIN_REQUIRED,
        FailureCode.NETWORK,
        FailureCode.NOT_FOUND,
        FailureCode.UNSUPPORTED_URL,
    }
)

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class TooLarge(DownloadCancelled):  # type: ignore[misc]
    """More bytes have come than the limit allows, whatever was declared."""


class StopRequested(DownloadCancelled):  # type: ignore[misc]
    """The supervisor asked politely."""


def main(request: Request, pipe: int, *, supervisor: int) -> NoReturn:
    """Run the attempt and end the process. `pipe` is the descriptor to report on, `supervisor` the parent's id."""
    status = 70
    try:
        Attempt(request).run(pipe, supervisor)
        status = 0
    except BaseException:  # noqa: BLE001 - the edge of the process; the supervisor sees that there is no result
        traceback.print_exc()
    finally:
        os._exit(status)


class Attempt:
    """What one download knows of itself, and the hooks that yt-dlp calls."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._meter = Meter()
        self._sender = messages.Sender(confinement.PIPE)
        self._jar = cookies.Jar(request.cookies)
        self._log = Log(self._sender, request.work_dir, cut_out=self._jar.cut_out)
        self._is_stopping = False
        self._reported_at = -math.inf
        self._is_guess = False
        self._egress_denials: list[str] = []
        self._killed: list[str] = []

    def run(self, pipe: int, supervisor: int) -> None:
        """Confine the process, do what was asked for, and leave the result."""
        fragments.keep_exact()
        pages.bound_segments()
        walls = confinement.enter(self._request, pipe=pipe, supervisor=supervisor, on_stop=self._stop)
        self._egress_denials = walls.sockets.denials
        self._killed = killings.watch()
        walls.sockets.on_denial = lambda target: self._sender.send(messages.Denial(target=target))
        self._jar.through_tls = walls.proxy.through_tls
        self._jar.is_always_through = walls.proxy.unwraps_tls = not landlock.holds_ports()
        libcurl.tunnel_everything()
        if self._jar.is_lent:
            cookies.bind_to_hosts()
            walls.proxy.cookies_for = self._jar.header_for
        try:
            result = self._download() if self._request.purpose is Purpose.DOWNLOAD else self._look()
            record = {"result": messages.result_to_json(result), "is_resumable": True}
        except Exception as error:  # noqa: BLE001 - whatever yt-dlp raises is classified
            traceback.print_exc()
            record = self._describe(error, walls)
        if self._jar.is_lent:
            self._sender.send(messages.Cookies(text=self._jar.left()))
        workspace.write_result(self._request.work_dir, record)
        self._sender.flush(timeout_seconds=FLUSH_SECONDS)

    # --- what yt-dlp calls ---

    def on_progress(self, status: dict[str, Any]) -> None:
        """yt-dlp's progress hook, called for each block; from several threads when fragments come at once."""
        if self._is_stopping:
            raise StopRequested("stop requested")
        if (status.get("downloaded_bytes") or 0) > self._request.limits.max_file_bytes:
            raise TooLarge("larger than the limit")
        is_finished = status.get("status") == "finished"
        if is_finished and status.get("filename"):
            workspace.mark_complete(self._request.work_dir, Path(status["filename"]))
        if time.monotonic() - self._reported_at < PROGRESS_SECONDS and not is_finished:
            return
        self._reported_at = time.monotonic()
        progress = self._meter.update(status)
        self._sender.send(progress or Progress(phase=self._meter.phase), may_be_lost=True)

    def on_postprocessor(self, status: dict[str, Any]) -> None:
        """yt-dlp's post-processor hook. A subclass's start is told twice."""
        name = str(status.get("postprocessor"))
        phase = phase_of(name)
        if status.get("status") != "started" or phase is None:
            return
        if self._is_stopping:
            raise StopRequested("stop requested")
        if phase is not self._meter.phase:
            self._sender.send(self._meter.enter(phase))

    def on_chosen(self, info: dict[str, Any]) -> None:
        """Extraction is over, formats are chosen, the download is about to begin."""
        # What is neither a page nor known media, yt-dlp fetches in the hope that it is a video.
        self._is_guess = info.get("extractor") == "generic" and info.get("ext") == "unknown_video"
        format_id = str(info.get("format_id") or "")
        if options.is_pinnable(format_id):
            self._sender.send(messages.Chosen(format_id=format_id))
        title = products.plain_text(str(reading.without_number(info).get("title") or ""))[:MAX_TITLE_CHARACTERS]
        self._sender.send(self._meter.plan(info, title=title))

    # --- the download ---

    def _stop(self) -> None:
        self._is_stopping = True

    def _download(self) -> Result:
        self._sender.send(Progress(phase=Phase.EXTRACTING))
        try:
            info = self._extract()
        except YoutubeDLError as error:
            # The server refuses a range beyond the end of a file that came whole: begin that file anew, once.
            if not _is_range_refused(error) or not workspace.drop_complete_partials(self._request.work_dir):
                raise
            self._log.warning("a partial file could not be resumed and is fetched anew")
            info = self._extract()
        return self._verify(info)

    def _extract(self) -> dict[str, Any]:
        """The info dict of the video, downloaded; from what is known of the page, if that still leads to it."""
        known = self._request.known_info
        if known is not None:
            try:
                return self._process(lambda downloader: downloader.process_ie_result(known, download=True))
            except YoutubeDLError as error:
                if self._is_stopping or not self._may_be_stale(error):
                    raise
                self._log.info("what was known of the page leads nowhere any more: it is read anew")
        return self._process(lambda downloader: downloader.extract_info(self._request.url, download=True))

    def _process(self, run: Callable[[Downloader], Any]) -> dict[str, Any]:
        HttpQuietDownloader.to_screen = _heed_fragment_size
        with Downloader(self._parameters(), self._request) as downloader:
            downloader.add_post_processor(_Announcement(self.on_chosen), when="before_dl")
            return self._single(downloader.sanitize_info(run(downloader)) or {})

    def _parameters(self) -> dict[str, Any]:
        feeds.install()
        parameters = options.build(
            self._request,
            progress_hook=self.on_progress,
            postprocessor_hook=self.on_postprocessor,
            logger=self._log,
        )
        # Where yt-dlp asks whether there is an ffmpeg at all, it forgets the parameter.
        FFmpegPostProcessor._ffmpeg_location.set(parameters["ffmpeg_location"])
        return parameters | {"cookie_jar": self._jar, "egress_denials": self._egress_denials}

    def _may_be_stale(self, error: YoutubeDLError) -> bool:
        """Whether links that have run out explain the error."""
        is_resumption = _is_range_refused(error)
        return not is_resumption and failures.classify(error, log_tail=self._log.tail).code in STALE_CODES

    def _single(self, info: dict[str, Any]) -> dict[str, Any]:
        if info.get("_type") not in ("playlist", "multi_video"):
            return reading.without_number(info)
        entries = [entry for entry in info.get("entries") or [] if entry]
        if not entries and self._request.page_entry:
            raise EntryNotInPlaylist(f"the page has no video number {self._request.page_entry}")
        if not entries:
            raise yt_dlp.utils.UnsupportedError(self._request.url)
        if self._request.page_entry is None and (info.get("playlist_count") or 1) > 1:
            self._log.info(f"the page has {info['playlist_count']} videos; the first one was taken")
        first: dict[str, Any] = entries[0]
        return first

    def _look(self) -> Result:
        """Read the page; nothing is downloaded."""
        self._sender.send(Progress(phase=Phase.EXTRACTING))
        parameters = self._parameters() | reading.parameters(self._request)
        with reading.Reader(parameters, self._request) as reader:
            found, known_info = reader.look()
        return Result(found=found, known_info=known_info, versions=dict(warm.versions(self._request.tools)))

    def _verify(self, info: dict[str, Any]) -> Result:
        media = products.media_paths(info)
        if not media:
            raise DownloadRefused("yt-dlp ended without a file and without an error")
        for path in media:
            workspace.mark_complete(self._request.work_dir, path)
        self._sender.send(self._meter.enter(Phase.PUBLISHING))
        files = products.collect(self._request, info, on_reject=self._log.warning)
        if any(file.size_bytes > self._request.limits.max_file_bytes for file in files):
            raise TooLarge("larger than the limit")
        return Result(
            files=files,
            metadata=products.metadata(info),
            template_values=products.template_values(info),
            extractor=products.plain_text(str(info.get("extractor") or "")),
            extractor_key=products.plain_text(str(info.get("extractor_key") or "")).lower(),
            versions=dict(warm.versions(self._request.tools)),
        )

    # --- the end ---

    def _describe(self, error: Exception, walls: Confinement) -> dict[str, Any]:
        # What was cut short while bytes came in can be resumed; what post-processing left behind is anybody's guess.
        is_resumable = self._meter.phase in (Phase.EXTRACTING, Phase.DOWNLOADING)
        if self._is_stopping:
            return {"stopped": True, "is_resumable": is_resumable}
        failure = self._classify(error, walls)
        failure = dataclasses.replace(failure, detail=self._jar.cut_out(failure.detail))
        return {"failure": messages.failure_to_json(failure), "is_resumable": is_resumable}

    def _classify(self, error: Exception, walls: Confinement) -> Failure:
        denied = [*walls.programs.denials, *walls.files.denials]
        if denied:
            self._log.debug(f"[debug] confinement refused: {', '.join(denied[:10])}")
        if isinstance(error, TooLarge) or confinement.has_outgrown(self._request):
            return failures.failure(FailureCode.TOO_LARGE, str(error))
        if (told := _told(error)) is not None:
            return told
        # yt-dlp swallows and rewords, ffmpeg only hears "403" from the proxy; the guard remembers.
        if walls.sockets.denials:
            return failures.failure(
                FailureCode.BLOCKED_ADDRESS, f"egress denied: {', '.join(walls.sockets.denials[:5])}"
            )
        failure = failures.classify(error, log_tail=self._log.tail)
        if self._killed and not failure.is_retryable:
            return failures.failure(FailureCode.INTERNAL, f"a program was ended by {self._killed[-1]}")
        is_nonsense = failure.code is FailureCode.INTERNAL and blame.is_of_what_was_sent(error)
        if is_nonsense or (self._is_guess and failure.code is FailureCode.POST_PROCESSING):
            return failures.failure(FailureCode.UNSUPPORTED_URL, failure.detail)
        return failure


# What says for itself what is wrong.
_TELLING: dict[Any, FailureCode] = {
    hosts.HostRefused: FailureCode.UNSUPPORTED_URL,
    pages.PageTooLarge: FailureCode.UNSUPPORTED_URL,
    protocols.ProtocolRefused: FailureCode.UNSUPPORTED_URL,
    ClipImpossible: FailureCode.FORMAT_UNAVAILABLE,
}


def _told(error: BaseException) -> Failure | None:
    for cause in failures.causes(error):
        for kind, code in _TELLING.items():
            if isinstance(cause, kind):
                return dataclasses.replace(failures.failure(code), message=products.plain_text(cause.msg))
    return None


class DownloadRefused(YoutubeDLError):  # type: ignore[misc]
    """yt-dlp skipped the file, as it does with one whose declared size is over the limit; the log says why."""


class Log:
    """yt-dlp's logger: every line goes to the job's log, without secrets and paths of this machine."""

    def __init__(
        self, sender: messages.Sender, work_dir: Path, *, cut_out: Callable[[str], str] = lambda text: text
    ) -> None:
        """`cut_out` takes secrets out that no pattern tells."""
        self.tail: deque[str] = deque(maxlen=LOG_TAIL)
        self._sender = sender
        self._work_dir = work_dir
        self._cut_out = cut_out
        self._count = 0

    def debug(self, message: str) -> None:
        """yt-dlp sends ordinary output here as well; it marks what is for debugging."""
        self._take("debug" if message.startswith("[debug] ") else "info", message)

    def info(self, message: str) -> None:
        """Ordinary output."""
        self._take("info", message)

    def warning(self, message: str) -> None:
        """Something that yt-dlp could work around."""
        self._take("warning", message)

    def error(self, message: str) -> None:
        """Something that yt-dlp is about to raise."""
        self._take("error", message)

    def _take(self, level: str, message: str) -> None:
        plain = products.plain_text(_COLOUR.sub("", message)).replace(f"{self._work_dir}/", "")
        text = failures.redact(self._cut_out(plain)).strip()
        self.tail.append(text)
        self._count += 1
        if text and self._count <= MAX_LINES:
            self._sender.send(LogLine(level=level, text=text[:MAX_LINE_CHARACTERS]))


class _Announcement:
    """A post-processor in name only: yt-dlp has no other hook between choosing formats and fetching them."""

    def __init__(self, announce: Any) -> None:
        self._announce = announce

    def set_downloader(self, _downloader: Any) -> None:
        """Part of yt-dlp's interface."""

    def run(self, info: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
        """Part of yt-dlp's interface."""
        self._announce(info)
        return [], info


def _heed_fragment_size(_downloader: Any, message: str, *_: Any, **__: Any) -> None:
    """yt-dlp silences the downloaders of fragments, and afterwards knows only that a fragment is missing."""
    if "larger than max-filesize" in message:
        raise TooLarge(message.strip())


def _is_range_refused(error: BaseException) -> bool:
    return any(isinstance(cause, HTTPError) and cause.status == 416 for cause in failures.causes(error))
