"""One download inside its forked, confined child: yt-dlp runs here and nowhere else.

It reports through the pipe, leaves its last word in the work directory, and never returns to the code that forked it.
"""

import dataclasses
import math
import os
import re
import time
import traceback
from collections import deque
from pathlib import Path
from typing import Any, NoReturn

import yt_dlp
from yt_dlp.downloader.fragment import HttpQuietDownloader
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor
from yt_dlp.utils import DownloadCancelled, YoutubeDLError

from jobs.engine import confinement, failures, hosts, messages, options, products, warm, workspace
from jobs.engine.confinement import Confinement
from jobs.engine.contract import Failure, FailureCode, LogLine, Phase, Progress, Request, Result
from jobs.engine.downloader import Downloader
from jobs.engine.progress import Meter, phase_of

PROGRESS_SECONDS = 0.25
FLUSH_SECONDS = 1.0
MAX_LINE_CHARACTERS = 2000
MAX_LINES = 1000
LOG_TAIL = 40

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
        self._log = Log(self._sender, request.work_dir)
        self._is_stopping = False
        self._reported_at = -math.inf
        self._is_guess = False

    def run(self, pipe: int, supervisor: int) -> None:
        """Confine the process, download, and leave the result."""
        walls = confinement.enter(self._request, pipe=pipe, supervisor=supervisor, on_stop=self._stop)
        walls.sockets.on_denial = lambda target: self._sender.send(messages.Denial(target=target))
        try:
            record = {"result": messages.result_to_json(self._download()), "is_resumable": True}
        except Exception as error:  # noqa: BLE001 - whatever yt-dlp raises is classified
            traceback.print_exc()
            record = self._describe(error, walls)
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
        self._sender.send(self._meter.plan(info))

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
        parameters = options.build(
            self._request,
            progress_hook=self.on_progress,
            postprocessor_hook=self.on_postprocessor,
            logger=self._log,
        )
        HttpQuietDownloader.to_screen = _heed_fragment_size
        # Where yt-dlp asks whether there is an ffmpeg at all, it forgets the parameter.
        FFmpegPostProcessor._ffmpeg_location.set(parameters["ffmpeg_location"])
        with Downloader(parameters, self._request) as downloader:
            downloader.add_post_processor(_Announcement(self.on_chosen), when="before_dl")
            info = downloader.extract_info(self._request.url, download=True)
            return self._single(downloader.sanitize_info(info) or {})

    def _single(self, info: dict[str, Any]) -> dict[str, Any]:
        if info.get("_type") not in ("playlist", "multi_video"):
            return _without_number(info)
        entries = [entry for entry in info.get("entries") or [] if entry]
        if not entries:
            raise yt_dlp.utils.UnsupportedError(self._request.url)
        if (info.get("playlist_count") or 1) > 1:
            self._log.info(f"the page has {info['playlist_count']} videos; the first one was taken")
        first: dict[str, Any] = entries[0]
        return first

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
            versions=dict(warm.versions(self._request.tools)),
        )

    # --- the end ---

    def _describe(self, error: Exception, walls: Confinement) -> dict[str, Any]:
        # What was cut short while bytes came in can be resumed; what post-processing left behind is anybody's guess.
        is_resumable = self._meter.phase in (Phase.EXTRACTING, Phase.DOWNLOADING)
        if self._is_stopping:
            return {"stopped": True, "is_resumable": is_resumable}
        failure = self._classify(error, walls)
        return {"failure": messages.failure_to_json(failure), "is_resumable": is_resumable}

    def _classify(self, error: Exception, walls: Confinement) -> Failure:
        denied = [*walls.programs.denials, *walls.files.denials]
        if denied:
            self._log.debug(f"[debug] confinement refused: {', '.join(denied[:10])}")
        if isinstance(error, TooLarge) or self._has_outgrown():
            return failures.failure(FailureCode.TOO_LARGE, str(error))
        if refused := next((one for one in failures.causes(error) if isinstance(one, hosts.HostRefused)), None):
            return dataclasses.replace(
                failures.failure(FailureCode.UNSUPPORTED_URL), message=products.plain_text(refused.msg)
            )
        # yt-dlp swallows and rewords, ffmpeg only hears "403" from the proxy; the guard remembers.
        if walls.sockets.denials:
            return failures.failure(
                FailureCode.BLOCKED_ADDRESS, f"egress denied: {', '.join(walls.sockets.denials[:5])}"
            )
        failure = failures.classify(error, log_tail=self._log.tail)
        if self._is_guess and failure.code is FailureCode.POST_PROCESSING:
            return failures.failure(FailureCode.UNSUPPORTED_URL, failure.detail)
        return failure

    def _has_outgrown(self) -> bool:
        """Whether a file hit the resource limit: ffmpeg dies of it without a word."""
        bound = confinement.largest_file_bytes(self._request.limits)
        return workspace.largest_file_bytes(self._request.work_dir) >= bound


class DownloadRefused(YoutubeDLError):  # type: ignore[misc]
    """yt-dlp skipped the file, as it does with one whose declared size is over the limit; the log says why."""


class Log:
    """yt-dlp's logger: every line goes to the job's log, without secrets and paths of this machine."""

    def __init__(self, sender: messages.Sender, work_dir: Path) -> None:
        self.tail: deque[str] = deque(maxlen=LOG_TAIL)
        self._sender = sender
        self._work_dir = work_dir
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
        text = failures.redact(plain).strip()
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


def _without_number(info: dict[str, Any]) -> dict[str, Any]:
    """yt-dlp numbers the videos of a page in their titles, even the only one."""
    is_numbered = info.get("extractor") == "html5" and info.get("title")
    return info | {"title": info["title"].removesuffix(" (1)")} if is_numbered else info


def _is_range_refused(error: BaseException) -> bool:
    return any(isinstance(cause, HTTPError) and cause.status == 416 for cause in failures.causes(error))
