"""The YoutubeDL of an attempt: it resumes a file only while the origin still has it, names files within bounds,
and follows a link only to hosts where the request lets it.

Which extractors it asks is the business of `matching`, how it is set up that of `options`.
"""

import hashlib
from typing import Any

from yt_dlp.utils import determine_protocol

from jobs.engine import hosts, matching, resumption
from jobs.engine.contract import Request

MAX_FORMAT_ID_BYTES = 60  # it stands twice in a file's name, beside the endings of partial files


class Downloader(matching.Downloader):
    """What one attempt downloads with."""

    def __init__(self, parameters: dict[str, Any], request: Request) -> None:
        super().__init__(parameters)
        self._request = request
        self._validators = resumption.Validators(request.work_dir)
        self._is_transferring = False

    def extract_info(self, url: str, download: bool = True, ie_key: str | None = None, **more: Any) -> Any:
        """yt-dlp's own, which it also calls for where a link redirects to, and for what a page embeds."""
        hosts.check(url, self._request)
        return super().extract_info(url, download, ie_key, **more)

    def process_video_result(self, info_dict: Any, download: bool = True) -> Any:
        """yt-dlp's own, which makes names of files out of format ids, whatever a site put into those."""
        hosts.check(str(info_dict.get("webpage_url") or ""), self._request)  # a bare id has led here
        for one in (info_dict, *(info_dict.get("formats") or ())):
            if one.get("format_id") is not None:
                one["format_id"] = bounded_format_id(str(one["format_id"]))
        return super().process_video_result(info_dict, download)

    def dl(self, name: str, info: Any, subtitle: bool = False, test: bool = False) -> Any:
        """yt-dlp's own: it fetches one file. What is asked before and between is for pages, and is not resumed.

        Nor is a stream in fragments minded: its ranges may be parts of one file by design, and each begins a fragment.
        """
        self._is_transferring = determine_protocol(info) in ("http", "https")
        try:
            return super().dl(name, info, subtitle, test)
        finally:
            self._is_transferring = False

    def urlopen(self, req: Any) -> Any:
        """yt-dlp's own. Its HttpFD takes an answer without Content-Range for the whole file, and begins anew."""
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


def bounded_format_id(format_id: str) -> str:
    """The same for the same, different for different ones: a later attempt has to find its partial files."""
    if format_id.isprintable() and len(format_id.encode(errors="replace")) <= MAX_FORMAT_ID_BYTES:
        return format_id
    digest = hashlib.sha256(format_id.encode(errors="replace")).hexdigest()[:16]
    beginning = "".join(character for character in format_id[:MAX_FORMAT_ID_BYTES] if character.isprintable())
    return f"{beginning.encode()[: MAX_FORMAT_ID_BYTES - 17].decode(errors='ignore')}-{digest}"
