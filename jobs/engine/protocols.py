"""How media may come: whatever is fetched passes the egress policy, so some protocols of streams are left out.

Says why before anything is tried: yt-dlp would look for a program, and ffmpeg only hears that it may not.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from yt_dlp.utils import YoutubeDLError

STREAMS = ("rtmp", "rtsp", "rtp", "mms", "srt", "udp")  # the beginnings of their schemes: rtmps, rtmpe, mmsh, …
NOT_BY_FFMPEG = ("ftp",)  # it would pass the guarding proxy by


class ProtocolRefused(YoutubeDLError):  # type: ignore[misc]
    """The media comes in a way that is not fetched. The message is for users."""

    def __init__(self, scheme: str) -> None:
        super().__init__(
            f"The media comes over {scheme}, and this service fetches over http and https; look for a page that offers "
            "the same as a file, as HLS or as DASH."
        )


def check(info: dict[str, Any], *, by_ffmpeg: bool) -> None:
    """Raise ProtocolRefused for the first address of the formats in an info dict that is not fetched."""
    refused = (*STREAMS, *NOT_BY_FFMPEG) if by_ffmpeg else STREAMS
    for scheme in _schemes(info):
        if scheme.startswith(refused):
            raise ProtocolRefused(scheme)


def _schemes(info: dict[str, Any]) -> Iterator[str]:
    for one in (info, *(info.get("requested_formats") or ())):
        try:
            yield urlsplit(str(one.get("url") or "")).scheme.lower()
        except ValueError:  # whoever fetches it says what is wrong
            continue
