"""How much of a page or a list may be read: a small answer that unpacks without end must not fill the memory.

Media are not meant: they are read block by block, into files whose size is limited.
"""

from typing import Any

from yt_dlp.extractor import common
from yt_dlp.utils import DownloadCancelled

MAX_PAGE_BYTES = 64 * 1024 * 1024  # unpacked; a list of a live stream of a day has about 10 MiB
MAX_FORMATS = 5000  # of one film; yt-dlp takes 2 ms for each, and the largest sites have some hundred
MAX_SEGMENTS = 500_000  # of all formats together; ten of a day in segments of two seconds have fewer
_BLOCK_BYTES = 1024 * 1024


class PageTooLarge(DownloadCancelled):  # type: ignore[misc]
    """A page or list is larger than any that a film needs. No extractor swallows it. The message is for users."""


def bound(response: Any) -> Any:
    """The same response of yt-dlp's; to read all of it at once raises PageTooLarge where that is too much."""
    read = response.read

    def read_bounded(amt: int | None = None) -> bytes:
        if amt is not None:
            return bytes(read(amt))
        blocks, total_bytes = [], 0
        while block := read(_BLOCK_BYTES):
            blocks.append(block)
            total_bytes += len(block)
            if total_bytes > MAX_PAGE_BYTES:
                response.close()
                raise PageTooLarge(
                    f"The page or list is larger than {MAX_PAGE_BYTES // 1024**2} MiB; no media are that way."
                )
        return b"".join(blocks)

    response.read = read_bounded
    return response


def check_formats(info: Any) -> None:
    """Raises PageTooLarge when a film claims more formats than any has."""
    count = len(info.get("formats") or ())
    if count > MAX_FORMATS:
        raise PageTooLarge(
            f"The page or list tells of {count} formats, more than {MAX_FORMATS}; no media have so many."
        )


def bound_segments() -> None:
    """Have PageTooLarge raised where DASH and Smooth Streaming lists stand for more segments than any film has.

    A line of them tells how often a segment is repeated. yt-dlp has no hook there: it counts with `range`, and what its
    module finds under that name counts along, from now on. To be called once for each attempt.
    """
    left = MAX_SEGMENTS

    def counting_range(*arguments: int) -> range:
        nonlocal left
        numbers = range(*arguments)
        left -= max(numbers.stop - numbers.start, 0) + 1  # `len` ends at 2**63, and a list of many lines counts, too
        if left < 0:
            raise PageTooLarge(f"The page or list tells of more than {MAX_SEGMENTS} segments; no media have so many.")
        return numbers

    common.range = counting_range
