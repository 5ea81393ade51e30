"""Real media for the tests, made once a machine with ffmpeg. Serves nothing: that is `server`."""

import fcntl
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

from jobs.engine import ffmpeg
from jobs.engine.contract import Tools

PROJECT = Path(__file__).resolve().parents[2]
VERSION = 3  # raise it when what is made below changes
BIG_BYTES = 10 << 20

VIDEO_SECONDS = 4
LONG_SECONDS = 30
SUBTITLES = {"en": "Good evening", "de": "Guten Abend", "pt-BR": "Boa noite"}


@functools.cache
def tools() -> Tools:
    """The ffmpeg that the service itself would take. What stands in for ffprobe is of this checkout and its Python."""
    return ffmpeg.find(stand_in_directory=PROJECT / "build" / "test-tools")


@functools.cache
def directory() -> Path:
    """Where the media are. The first caller on a machine makes them (about 3 s), whichever process that is."""
    ready = _cache() / f"media-{VERSION}"
    with (_cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            making = Path(tempfile.mkdtemp(dir=_cache()))
            try:
                _make(making)
                making.rename(ready)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return ready


def _cache() -> Path:
    path = Path(tempfile.gettempdir()) / "media-downloader-test-origin"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def _make(target: Path) -> None:
    steps = (_video, _others, _big, _images, _subtitles, _hls, _dash, _ladder, _long)
    for step in steps:
        step(target)


def _ffmpeg(*arguments: str | Path) -> None:
    command = [tools().ffmpeg, "-v", "error", "-nostdin", "-y", "-threads", "2", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _picture(size: str, seconds: int) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d={seconds}")


def _tone(seconds: int, hertz: int = 440) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"sine=f={hertz}:r=44100:d={seconds}")


def _h264(kbits: int) -> tuple[str, ...]:
    return ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", f"{kbits}k", "-g", "25")


_AAC = ("-c:a", "aac", "-b:a", "64k")
_FAST_START = ("-movflags", "+faststart")


def _video(target: Path) -> None:
    """video.mp4 has some 100 kB, long.mp4 between 1 and 2 MB."""
    small = (*_picture("320x180", VIDEO_SECONDS), *_tone(VIDEO_SECONDS))
    _ffmpeg(*small, *_h264(140), *_AAC, "-metadata", "title=A test film", *_FAST_START, target / "video.mp4")
    long = (*_picture("640x360", LONG_SECONDS), *_tone(LONG_SECONDS))
    _ffmpeg(*long, *_h264(330), *_AAC, *_FAST_START, target / "long.mp4")


def _others(target: Path) -> None:
    source = target / "video.mp4"
    webm = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "100k", "-c:a", "libopus")
    _ffmpeg("-i", source, *webm, target / "video.webm")
    vp8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "100k", "-c:a", "libvorbis")
    _ffmpeg("-i", source, *vp8, target / "old.webm")
    _ffmpeg("-i", source, "-c", "copy", target / "video.mkv")
    _ffmpeg("-i", source, "-an", "-c", "copy", target / "silent.mp4")
    _ffmpeg("-i", source, "-vn", "-c:a", "libmp3lame", "-b:a", "128k", target / "audio.mp3")
    _ffmpeg("-i", source, "-vn", "-c", "copy", target / "audio.m4a")
    _ffmpeg("-f", "lavfi", "-i", f"anoisesrc=r=44100:d={VIDEO_SECONDS}", "-ac", "2", target / "noise.flac")


def _big(target: Path) -> None:
    """A playable file of exactly BIG_BYTES: the small one, and a box that every player skips."""
    content = (target / "video.mp4").read_bytes()
    padding = BIG_BYTES - len(content)
    box = padding.to_bytes(4, "big") + b"free" + bytes(range(251)) * (padding // 251 + 1)
    (target / "big.mp4").write_bytes((content + box)[:BIG_BYTES])


def _images(target: Path) -> None:
    one = ("-f", "lavfi", "-i", "testsrc2=s=320x180:d=1", "-frames:v", "1")
    for name in ("thumbnail.jpg", "thumbnail.png", "thumbnail.webp"):
        _ffmpeg(*one, target / name)


def _subtitles(target: Path) -> None:
    for language, text in SUBTITLES.items():
        vtt = f"WEBVTT\n\n00:00:00.500 --> 00:00:02.000\n{text}\n\n00:00:02.500 --> 00:00:03.500\n{text} again\n"
        (target / f"subtitles.{language}.vtt").write_text(vtt, encoding="utf-8")
    _ffmpeg("-i", target / "subtitles.en.vtt", target / "subtitles.en.srt")


RENDITIONS = {180: ("320x180", 120), 360: ("640x360", 300), 720: ("1280x720", 600)}


def _hls(target: Path) -> None:
    """Three renditions without sound, an audio group, subtitles, and one playlist with segments of its own."""
    hls = target / "hls"
    hls.mkdir()
    segments = ("-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod", "-hls_list_size", "0")
    for height, (size, kbits) in RENDITIONS.items():
        name = hls / f"{height}-%d.ts"
        picture = (*_picture(size, VIDEO_SECONDS), *_h264(kbits))
        _ffmpeg(*picture, *segments, "-hls_segment_filename", name, hls / f"{height}.m3u8")
    _ffmpeg(*_tone(VIDEO_SECONDS), *_AAC, *segments, "-hls_segment_filename", hls / "audio-%d.ts", hls / "audio.m3u8")
    muxed = ("-i", target / "video.mp4", "-c", "copy")
    _ffmpeg(*muxed, *segments, "-hls_segment_filename", hls / "muxed-%d.ts", hls / "muxed.m3u8")
    for language in SUBTITLES:
        shutil.copy(target / f"subtitles.{language}.vtt", hls / f"{language}.vtt")
        (hls / f"{language}.m3u8").write_text(_subtitle_playlist(f"{language}.vtt"))
    (hls / "master.m3u8").write_text(_master_playlist())


def _subtitle_playlist(name: str) -> str:
    seconds = VIDEO_SECONDS
    return (
        f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{seconds}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:{seconds}.0,\n{name}\n#EXT-X-ENDLIST\n"
    )


def _master_playlist() -> str:
    lines = [
        "#EXTM3U",
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="English",LANGUAGE="en",DEFAULT=YES,URI="audio.m3u8"',
    ]
    lines += [
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="{language}",LANGUAGE="{language}",URI="{language}.m3u8"'
        for language in SUBTITLES
    ]
    for height, (size, kbits) in RENDITIONS.items():
        bandwidth = (kbits + 64) * 1000
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={size},FRAME-RATE=25,"
            f'CODECS="avc1.42c01e,mp4a.40.2",AUDIO="sound",SUBTITLES="text"'
        )
        lines.append(f"{height}.m3u8")
    return "\n".join(lines) + "\n"


def _dash(target: Path) -> None:
    dash = target / "dash"
    dash.mkdir()
    inputs = (*_picture("1280x720", VIDEO_SECONDS), *_tone(VIDEO_SECONDS))
    maps = ("-map", "0:v", "-map", "0:v", "-map", "1:a", "-s:v:0", "320x180", "-s:v:1", "640x360")
    manifest = ("-f", "dash", "-seg_duration", "1", "-adaptation_sets", "id=0,streams=v id=1,streams=a")
    _ffmpeg(*inputs, *maps, *_h264(200), *_AAC, *manifest, dash / "manifest.mpd")


LADDER = {360: ("640x360", 80), 480: ("854x480", 120), 720: ("1280x720", 200), 1080: ("1920x1080", 300)}
LADDER_SECONDS = 2
LONG_SEGMENTS = LONG_SECONDS


def _ladder(target: Path) -> None:
    """The heights of common presets, as HLS with the sound in each, and as DASH. Few frames: all is in the sizes."""
    ladder = target / "ladder"
    ladder.mkdir()
    source = ("-f", "lavfi", "-i", f"testsrc2=s=1920x1080:r=10:d={LADDER_SECONDS}", *_tone(LADDER_SECONDS))
    lines = ["#EXTM3U"]
    for height, (size, kbits) in LADDER.items():
        picture = (*_h264(kbits), "-s", size, *_AAC)
        name = ladder / f"{height}-%d.ts"
        segments = ("-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod", "-hls_segment_filename", name)
        _ffmpeg(*source, *picture, *segments, ladder / f"{height}.m3u8")
        codecs = 'CODECS="avc1.42c01e,mp4a.40.2"'
        lines.append(f"#EXT-X-STREAM-INF:BANDWIDTH={(kbits + 64) * 1000},RESOLUTION={size},{codecs}\n{height}.m3u8")
    (ladder / "master.m3u8").write_text("\n".join(lines) + "\n")
    maps = [argument for _ in LADDER for argument in ("-map", "0:v")]
    sizes = [argument for i, (size, _) in enumerate(LADDER.values()) for argument in (f"-s:v:{i}", size)]
    manifest = ("-f", "dash", "-seg_duration", "1", "-adaptation_sets", "id=0,streams=v id=1,streams=a")
    _ffmpeg(*source, *maps, "-map", "1:a", *_h264(100), *sizes, *_AAC, *manifest, ladder / "manifest.mpd")


def _long(target: Path) -> None:
    """The long film in segments of a second: for sections, and for live streams to take them from."""
    (target / "long").mkdir()
    segments = ("-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod", "-hls_list_size", "0")
    names = ("-hls_segment_filename", target / "long" / "%d.ts")
    _ffmpeg("-i", target / "long.mp4", "-c", "copy", *segments, *names, target / "long" / "index.m3u8")
