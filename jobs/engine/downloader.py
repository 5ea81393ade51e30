"""The YoutubeDL of an attempt: it resumes a file only while the origin still has it, names files within bounds,
and follows a link only to hosts where the request lets it.

Which extractors it asks is the business of `matching`, how it is set up that of `options`.
"""

import hashlib
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from yt_dlp.downloader import get_suitable_downloader
from yt_dlp.downloader.external import FFmpegFD
from yt_dlp.networking.exceptions import TransportError
from yt_dlp.utils import EntryNotInPlaylist, determine_protocol

from jobs.engine import confinement, cookies, hosts, losses, matching, pages, protocols, recording, resumption
from jobs.engine.contract import Request
from jobs.engine.egress import EgressDenied

MAX_FORMAT_ID_BYTES = 60  # it stands twice in a file's name, beside the endings of partial files


class Downloader(matching.Downloader):
    """What one attempt downloads with."""

    def __init__(self, parameters: dict[str, Any], request: Request) -> None:
        super().__init__(parameters)
        self._request = request
        self._validators = resumption.Validators(request.work_dir)
        self._is_transferring = False
        self._is_downloading = False

    @cached_property
    def cookiejar(self) -> cookies.Jar:
        """yt-dlp's own, which knows jars of files and browsers only."""
        jar: cookies.Jar = self.params["cookie_jar"]
        return jar

    def extract_info(self, url: str, download: bool = True, ie_key: str | None = None, **more: Any) -> Any:
        """yt-dlp's own, which it also calls for where a link redirects to, and for what a page embeds."""
        hosts.check(url, self._request)
        return super().extract_info(url, download, ie_key, **more)

    def process_ie_result(self, ie_result: Any, download: bool = True, extra_info: Any = None) -> Any:
        """yt-dlp's own. The number of an entry counts on the page that was asked for, not in lists that it leads to."""
        is_inner = ie_result.get("_type") in ("playlist", "multi_video") and self._playlist_level
        if is_inner and self._request.page_entry is not None:
            self.params["playlist_items"] = "1"
        return super().process_ie_result(ie_result, download, extra_info)

    def process_video_result(self, info_dict: Any, download: bool = True) -> Any:
        """yt-dlp's own, which makes names of files out of format ids, whatever a site put into those."""
        if (self._request.page_entry or 1) > 1 and not self._playlist_level:
            raise EntryNotInPlaylist("The page has one video only by now")
        hosts.check(str(info_dict.get("webpage_url") or ""), self._request)  # a bare id has led here
        pages.check_formats(info_dict)
        for one in (info_dict, *(info_dict.get("formats") or ())):
            if one.get("format_id") is not None:
                one["format_id"] = bounded_format_id(str(one["format_id"]))
        is_live = info_dict.get("is_live") or info_dict.get("live_status") == "is_live"
        if self._request.options.live_from_start and is_live:
            _begin_playlists_at_their_start(info_dict.get("formats") or [info_dict])
        return super().process_video_result(info_dict, download)

    def process_info(self, info_dict: Any) -> Any:
        """yt-dlp's own, which downloads what was chosen. Sections are left to ffmpeg."""
        protocols.check(info_dict, by_ffmpeg=self._request.options.is_clip)
        return super().process_info(info_dict)

    def dl(self, name: str, info: Any, subtitle: bool = False, test: bool = False) -> Any:
        """yt-dlp's own: it fetches one file. What is asked before and between is for pages, and is not resumed.

        Nor is a stream in fragments minded: its ranges may be parts of one file by design, and each begins a fragment.
        A section and a live stream begin anew in each attempt: what came of them is dropped.
        """
        begins_anew = bool(info.get("section_start") or info.get("section_end") or info.get("is_live"))
        listener = losses.Listener(self._request.work_dir)
        self._is_transferring = determine_protocol(info) in ("http", "https")
        self._is_downloading = True
        self.cookiejar.is_hidden = self.cookiejar.is_lent
        if get_suitable_downloader(info, self.params, to_stdout=name == "-") is FFmpegFD:
            info = self.cookiejar.at_proxy(info)
        if info.get("is_live"):
            info = _written_at_once(info)
        run = partial(super().dl, name, info, subtitle, test)
        try:
            if info.get("is_live"):
                run = partial(recording.record, run, name, self._request.work_dir, self._request.limits)
            outcome = run()
        except Exception:
            if begins_anew and not confinement.has_outgrown(self._request):  # whose size tells why it failed
                Path(f"{name}.part").unlink(missing_ok=True)
            raise
        finally:
            self._is_downloading = self._is_transferring = self.cookiejar.is_hidden = False
        if (loss := listener.loss()) is not None:
            self._heed_loss(loss, name, is_live=bool(info.get("is_live")))
        return outcome

    def _heed_loss(self, loss: str, name: str, *, is_live: bool) -> None:
        """What is lost of a live stream is lost for ever; anything else can be fetched again."""
        if is_live:
            self.report_warning(f"a part of the live stream did not come: {loss}")
            return
        Path(name).unlink(missing_ok=True)
        raise losses.PartLost(loss)

    def urlopen(self, req: Any) -> Any:
        """yt-dlp's own. Its HttpFD takes an answer without Content-Range for the whole file, and begins anew."""
        hosts.check_fetch(req if isinstance(req, str) else req.url, self._request)
        response = self._fetch_or_end(req)
        hosts.check_fetch(str(getattr(response, "url", "")), self._request)  # where it was redirected to
        return pages.bound(response)

    def _fetch_or_end(self, req: Any) -> Any:
        """What the guard refused once it refuses again: an error that no downloader of yt-dlp's tries again after."""
        denials = self.params["egress_denials"]
        before = len(denials)
        try:
            return self._fetch(req)
        except TransportError as error:
            if self._is_downloading and len(denials) > before:
                raise EgressDenied(str(error)) from error
            raise

    def _fetch(self, req: Any) -> Any:
        if not self._is_transferring or isinstance(req, str):
            return super().urlopen(req)
        url, is_late = req.url, resumption.starts_late(req.headers.get("Range"))
        known = self._validators.of(url)
        if is_late and known is not None:
            req.headers["If-Range"] = known
        response = super().urlopen(req)
        if not is_late or response.status != 206:  # bytes are written from the beginning on
            self._validators.remember(url, resumption.validator(response.headers))
        return response


def _written_at_once(info: dict[str, Any]) -> dict[str, Any]:
    """ffmpeg gathers 256 KiB before it writes: half a minute of sound, which would be lost if it had to be killed."""
    options = {**(info.get("downloader_options") or {}), "ffmpeg_args_out": ["-flush_packets", "1"]}
    return {**info, "downloader_options": options}


def _begin_playlists_at_their_start(formats: list[Any]) -> None:
    """Of HLS, yt-dlp takes the newest segments; ffmpeg can begin with the oldest that the playlist still lists."""
    if any(one.get("is_from_start") for one in formats):
        return
    for one in formats:
        if str(one.get("protocol")).startswith("m3u8"):
            one["is_from_start"] = True
            one.setdefault("downloader_options", {})["ffmpeg_args"] = ["-live_start_index", "0"]


def bounded_format_id(format_id: str) -> str:
    """The same for the same, different for different ones: a later attempt has to find its partial files."""
    if format_id.isprintable() and len(format_id.encode(errors="replace")) <= MAX_FORMAT_ID_BYTES:
        return format_id
    digest = hashlib.sha256(format_id.encode(errors="replace")).hexdigest()[:16]
    beginning = "".join(character for character in format_id[:MAX_FORMAT_ID_BYTES] if character.isprintable())
    return f"{beginning.encode()[: MAX_FORMAT_ID_BYTES - 17].decode(errors='ignore')}-{digest}"
