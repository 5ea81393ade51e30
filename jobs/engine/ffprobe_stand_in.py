"""ffprobe's answers from `ffmpeg -i`, for machines that have only ffmpeg. Runs as a script and as a module.

Knows no more of ffprobe than yt-dlp asks for: `-version`, `-bsfs`, `-show_streams`, and `-show_format -show_streams`
as JSON. yt-dlp starts it several times a job, so nothing here imports re, json, subprocess or collections: they
double the time it takes to start.
"""

import itertools
import os
import sys

Tags = dict[str, str]

READ_BYTES = 1 << 16


class Stream:
    """One stream of a media file. `kind` is video, audio, subtitle, data or attachment."""

    __slots__ = ("codec", "height", "index", "is_attached_picture", "is_default", "kind", "start", "tags", "width")

    def __init__(self, index: int, kind: str, codec: str) -> None:
        self.index = index
        self.kind = kind
        self.codec = codec
        self.width = 0
        self.height = 0
        self.start = "0.000000"
        self.is_default = False
        self.is_attached_picture = False
        self.tags: Tags = {}


class Report:
    """What ffmpeg says about its input. `duration` in seconds is None where the container does not state one."""

    __slots__ = ("duration", "format_name", "streams")

    def __init__(self) -> None:
        self.format_name = ""
        self.duration: float | None = None
        self.streams: list[Stream] = []


def parse(text: str) -> Report:
    """Read what `ffmpeg -i` writes to stderr. Tags may hold anything, so only a line's own indent says what it is."""
    report = Report()
    current: Stream | None = None
    in_tags = False
    lines = text.split("\n")
    indent = _stream_indent(lines)
    for line in lines:
        if line.startswith("Input #0, "):
            report.format_name = line[len("Input #0, ") :].partition(", from ")[0]
        elif line.startswith("  Duration: "):
            report.duration = _seconds(line[len("  Duration: ") :].partition(",")[0])
        elif line.startswith(indent + "Stream #0:"):
            current, in_tags = _stream(line[len(indent) :]), False
            report.streams.append(current)
        elif line.startswith(("  Stream group", "  Program", "    Chapter")):
            current = None
        elif line.strip() in ("Metadata:", "Side data:"):
            in_tags = line.strip() == "Metadata:"
        elif current is not None and in_tags and line.startswith("    "):
            _add_tag(current.tags, line)
    return report


def _stream_indent(lines: list[str]) -> str:
    """Two blanks; four before ffmpeg 5, where a tag with a hostile name could pass for a stream."""
    return "  " if any(line.startswith("  Stream #0:") for line in lines) else "    "


def _stream(line: str) -> Stream:
    """`Stream #0:1[0x2](eng): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, stereo (default)`."""
    head, _, rest = line[len("Stream #0:") :].partition(": ")
    kind, _, rest = rest.partition(": ")
    digits = head.partition("[")[0].partition("(")[0]
    codec = rest.split(",", 1)[0].split(" ", 1)[0]
    stream = Stream(int(digits) if digits.isdecimal() else 0, kind.lower(), codec)
    if "(" in head:
        stream.tags["language"] = head.rpartition("(")[2].rstrip(")")
    stream.is_default = "(default)" in rest
    stream.is_attached_picture = "(attached pic)" in rest
    for part in rest.split(", ")[1:]:
        _add_detail(stream, part)
    return stream


def _add_detail(stream: Stream, part: str) -> None:
    word, _, rest = part.partition(" ")
    width, cross, height = word.partition("x")
    if cross and width.isdecimal() and height.isdecimal():
        stream.width, stream.height = int(width), int(height)
    elif word == "start":
        stream.start = rest.partition(" ")[0]


def _add_tag(tags: Tags, line: str) -> None:
    """A line without a name carries on the value of the line before."""
    name, _, value = line.partition(":")
    name = name.strip()
    if name:
        tags[name] = value.strip()
    elif tags:
        last = next(reversed(tags))
        tags[last] += "\n" + value.strip()


def _seconds(text: str) -> float | None:
    """`01:02:03.45`, or None for `N/A`."""
    try:
        hours, minutes, seconds = text.strip().split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None


def run(program: str, arguments: list[str], stream: int) -> tuple[int, str]:
    """Start a program and return its exit code and what it wrote to stream 1 or 2; the other goes to /dev/null."""
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    actions = [
        (os.POSIX_SPAWN_DUP2, null, 0),
        (os.POSIX_SPAWN_DUP2, writer if stream == 1 else null, 1),
        (os.POSIX_SPAWN_DUP2, writer if stream == 2 else null, 2),
    ]
    pid = os.posix_spawn(program, [program, *arguments], os.environ, file_actions=actions)
    os.close(writer)
    os.close(null)
    chunks = []
    while chunk := os.read(reader, READ_BYTES):
        chunks.append(chunk)
    os.close(reader)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):  # somebody killed it: that is no word about the file, and the caller must see it
        os.kill(os.getpid(), os.WTERMSIG(status))
    return os.waitstatus_to_exitcode(status), b"".join(chunks).decode("utf-8", "replace")


def main(ffmpeg: str, arguments: list[str]) -> int:
    """Answer as ffprobe would. Returns the exit code."""
    if not arguments or "-version" in arguments or "-bsfs" in arguments:
        _, text = run(ffmpeg, ["-version"], 1)
        sys.stdout.write(text.replace("ffmpeg version", "ffprobe version", 1))
        return 0
    _, text = run(ffmpeg, ["-hide_banner", "-nostdin", *_input_options(arguments), "-i", arguments[-1]], 2)
    report = parse(text)
    is_json = "json" in arguments
    if not report.streams:
        sys.stderr.write(text)
        sys.stdout.write("{\n}\n" if is_json else "")  # as ffprobe does: yt-dlp parses it before it looks at the code
        return 1
    sys.stdout.write(_as_json(report, arguments[-1]) if is_json else _as_sections(report))
    return 0


def _input_options(arguments: list[str]) -> list[str]:
    """What the caller says that the file may be, for ffmpeg."""
    pairs = itertools.pairwise(arguments)
    return [word for pair in pairs if pair[0] in ("-protocol_whitelist", "-format_whitelist") for word in pair]


def _as_sections(report: Report) -> str:
    return "".join(
        f"[STREAM]\nindex={stream.index}\ncodec_name={stream.codec}\ncodec_type={stream.kind}\n[/STREAM]\n"
        for stream in report.streams
    )


def _as_json(report: Report, name: str) -> str:
    about = {"filename": _text(name), "format_name": _text(report.format_name), "nb_streams": str(len(report.streams))}
    if report.duration is not None:
        about["duration"] = f'"{report.duration:.6f}"'
    return _object({"streams": "[" + ",".join(map(_stream_json, report.streams)) + "]", "format": _object(about)})


def _stream_json(stream: Stream) -> str:
    fields = {
        "index": str(stream.index),
        "codec_name": _text(stream.codec),
        "codec_type": _text(stream.kind),
        "start_time": _text(stream.start),
        "disposition": _object(
            {"default": str(int(stream.is_default)), "attached_pic": str(int(stream.is_attached_picture))}
        ),
        "tags": _object({name: _text(value) for name, value in stream.tags.items()}),
    }
    if stream.width:
        fields |= {"width": str(stream.width), "height": str(stream.height)}
    return _object(fields)


def _object(fields: dict[str, str]) -> str:
    return "{" + ",".join(f"{_text(name)}:{value}" for name, value in fields.items()) + "}"


def _text(text: str) -> str:
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if " " <= character < "\x7f" else _escape(ord(character))


def _escape(code: int) -> str:
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
