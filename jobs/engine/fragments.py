"""What yt-dlp remembers of a stream that comes in fragments, so that a killed attempt is gone on from without a flaw.

It writes a fragment to the partial file, and then how many are in it. An attempt that dies in between, or while it
writes either, leaves a fragment that the next one would add once more, or half of one in the middle of the film.
"""

import json
import os
from pathlib import Path
from typing import Any

from yt_dlp.downloader.fragment import FragmentFD

SIZE = "size_bytes"  # beside what yt-dlp itself writes there

_read, _append = FragmentFD._read_ytdl_file, FragmentFD._append_fragment


def keep_exact() -> None:
    """Have yt-dlp write down the size of the partial file, too, and cut off what is beyond. Harmless to repeat."""
    FragmentFD._write_ytdl_file = _write_state
    FragmentFD._read_ytdl_file = _read_state
    FragmentFD._append_fragment = _append_fragment


def _write_state(self: Any, ctx: dict[str, Any]) -> None:
    """At once: half of a state is none. Before the partial file is opened the stream begins, or begins anew."""
    downloader: dict[str, Any] = {"current_fragment": {"index": ctx["fragment_index"]}}
    if (stream := ctx.get("dest_stream")) is None:
        Path(ctx["tmpfilename"]).unlink(missing_ok=True)  # yt-dlp would add to it
    downloader[SIZE] = os.fstat(stream.fileno()).st_size if stream is not None else 0
    if "extra_state" in ctx:
        downloader["extra_state"] = ctx["extra_state"]
    if ctx.get("fragment_count") is not None:
        downloader["fragment_count"] = ctx["fragment_count"]
    path = Path(self.ytdl_filename(ctx["filename"]))
    draft = path.with_name(f"{path.name}-Frag")  # if it stays, it is deleted with the fragments' own files
    draft.write_text(json.dumps({"downloader": downloader}), encoding="utf-8")
    draft.replace(path)


def _read_state(self: Any, ctx: dict[str, Any]) -> None:
    """What yt-dlp finds corrupt, it fetches anew."""
    _read(self, ctx)
    if ctx.get("ytdl_corrupt"):
        return
    state = json.loads(Path(self.ytdl_filename(ctx["filename"])).read_text(encoding="utf-8"))
    size_bytes = state["downloader"].get(SIZE)
    partial = Path(ctx["tmpfilename"])
    had_bytes = partial.stat().st_size if partial.exists() else 0
    if not isinstance(size_bytes, int) or had_bytes < size_bytes:
        ctx["ytdl_corrupt"] = True
    elif had_bytes > size_bytes:
        os.truncate(partial, size_bytes)


def _append_fragment(self: Any, ctx: dict[str, Any], frag_content: bytes) -> None:
    """yt-dlp's own counts a fragment even when it could not be written."""
    ctx["dest_stream"].write(frag_content)
    ctx["dest_stream"].flush()
    _append(self, ctx, b"")
