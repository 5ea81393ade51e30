import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from jobs.engine import verification
from jobs.engine.contract import FileRole, ProducedFile
from jobs.engine.file_types import MIME_TYPES
from jobs.engine.verification import VerificationError
from tests.origin import media

pytestmark = pytest.mark.slow


def inspect(path: Path, role: FileRole = FileRole.MEDIA, expected: float | None = None) -> ProducedFile:
    return verification.inspect(path, role, media.tools(), expected_duration=expected)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("video.mp4", "video/mp4"),
        ("video.mkv", "video/x-matroska"),
        ("video.webm", "video/webm"),
        ("audio.mp3", "audio/mpeg"),
        ("audio.m4a", "audio/mp4"),
        ("silent.mp4", "video/mp4"),
    ],
)
def test_media_is_described(name: str, mime_type: str) -> None:
    path = media.directory() / name

    file = inspect(path, expected=media.VIDEO_SECONDS)

    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.size_bytes == path.stat().st_size
    assert file.mime_type == mime_type
    assert file.duration_seconds == pytest.approx(4, abs=0.1)


CODECS = {
    "3gp": ("-c", "copy"),
    "avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "flv": ("-c:v", "flv1", "-c:a", "libmp3lame"),
    "mpg": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "ogv": ("-vn", "-c:a", "libvorbis"),
    "weba": ("-vn", "-c:a", "libopus", "-f", "webm"),
    "webm": ("-vn", "-c:a", "libopus"),
    "wmv": ("-c:v", "wmv2", "-c:a", "wmav2", "-f", "asf"),
}


@pytest.mark.parametrize("extension", sorted(MIME_TYPES[FileRole.MEDIA]))
def test_every_type_of_media_is_read(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{extension}"
    audio_only = ("-vn",) if MIME_TYPES[FileRole.MEDIA][extension].startswith("audio/") else ()
    source = ("-i", media.directory() / "video.mp4", "-t", "1", *CODECS.get(extension, audio_only))
    subprocess.run([media.tools().ffmpeg, "-v", "error", "-nostdin", *source, path], check=True)

    assert inspect(path).mime_type == MIME_TYPES[FileRole.MEDIA][extension]


def test_media_that_is_too_short_is_refused_within_a_tolerance() -> None:
    path = media.directory() / "video.mp4"

    assert inspect(path, expected=5.9)
    assert inspect(path, expected=1)
    with pytest.raises(VerificationError, match=r"4\.0 s where 6\.5 s"):
        inspect(path, expected=6.5)


def test_an_mp4_that_was_cut_off_is_refused_though_its_index_is_whole(tmp_path: Path) -> None:
    whole = (media.directory() / "video.mp4").read_bytes()
    path = write(tmp_path / "cut.mp4", whole[: len(whole) * 3 // 4])

    with pytest.raises(VerificationError, match="cut off"):
        inspect(path, expected=4)


@pytest.mark.parametrize("content", [b"<html>Sign in</html>", b"\0" * 5000, os.urandom(5000)])
def test_a_file_that_is_no_media_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="no audio or video"):
        inspect(write(tmp_path / "a.mp4", content))


def test_a_playlist_that_poses_as_a_film_reads_nothing(tmp_path: Path) -> None:
    (tmp_path / "0.ts").symlink_to(media.directory() / "hls/muxed-0.ts")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nfile://{tmp_path}/0.ts\n#EXT-X-ENDLIST\n"

    with pytest.raises(VerificationError, match="no audio or video"):
        inspect(write(tmp_path / "a.mp4", playlist))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="empty"):
        inspect(write(tmp_path / "a.mp4", b""))


def test_links_and_pipes_are_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(media.directory() / "video.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "directory.mp4").mkdir()

    for name in ("link.mp4", "pipe.mp4", "directory.mp4", "missing.mp4"):
        with pytest.raises(VerificationError, match=name):
            inspect(tmp_path / name)


@pytest.mark.parametrize(
    ("role", "name"),
    [
        (FileRole.MEDIA, "a.exe"),
        (FileRole.MEDIA, "a"),
        (FileRole.MEDIA, "a.srt"),
        (FileRole.SUBTITLE, "a.mp4"),
        (FileRole.THUMBNAIL, "a.svg"),
        (FileRole.INFO, "a.html"),
    ],
)
def test_an_extension_that_does_not_go_with_the_role_is_refused(role: FileRole, name: str, tmp_path: Path) -> None:
    shutil.copy(media.directory() / "video.mp4", tmp_path / name)

    with pytest.raises(VerificationError, match="no type of"):
        inspect(tmp_path / name, role)


@pytest.mark.parametrize("name", ["thumbnail.jpg", "thumbnail.png", "thumbnail.webp"])
def test_images_are_known_by_their_first_bytes(name: str, tmp_path: Path) -> None:
    assert inspect(media.directory() / name, FileRole.THUMBNAIL).duration_seconds is None
    with pytest.raises(VerificationError, match="not an image"):
        inspect(write(tmp_path / name, "<svg onload='alert(1)'/>"), FileRole.THUMBNAIL)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.srt", "1\n00:00:00,500 --> 00:00:02,000\nHello\n"),
        ("a.vtt", "WEBVTT\n\n00:00.500 --> 00:02.000\nHello\n"),
        ("a.vtt", "\ufeffWEBVTT\n"),
        ("a.ass", "[Script Info]\nTitle: x\n"),
        ("a.lrc", "[00:00.50]Hello\n"),
        ("a.ttml", '<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml"></tt>'),
    ],
)
def test_subtitles_are_read(name: str, content: str, tmp_path: Path) -> None:
    file = inspect(write(tmp_path / name, content), FileRole.SUBTITLE)

    assert file.sha256 == hashlib.sha256(content.encode()).hexdigest()


@pytest.mark.parametrize("content", [b"<html>404</html>", b"\xff\xfe\x00", b"WEBVTT\0", b"   "])
@pytest.mark.parametrize("name", ["a.srt", "a.vtt"])
def test_what_holds_no_subtitles_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(VerificationError):
        inspect(write(tmp_path / name, content), FileRole.SUBTITLE)


def test_info_must_be_json(tmp_path: Path) -> None:
    assert inspect(write(tmp_path / "a.json", '{"id": "x"}'), FileRole.INFO).mime_type == "application/json"
    for content in ("{", "[" * 100_000):
        with pytest.raises(VerificationError, match="not JSON"):
            inspect(write(tmp_path / "b.json", content), FileRole.INFO)
