"""What stands beside the media and within it: subtitles, thumbnails, metadata, chapters, info JSON."""

import json
from pathlib import Path

import pytest

from jobs.engine.contract import FileRole
from tests.jobs.engine.conftest import Download
from tests.jobs.engine.looking import known
from tests.origin.pages import CHAPTERS
from tests.origin.server import Origin

pytestmark = pytest.mark.slow

MARKS = {"srt": "-->", "vtt": "WEBVTT", "ass": "Dialogue:", "lrc": "[00:00.50]"}


@pytest.mark.parametrize("subtitle_format", MARKS)
def test_subtitles_in_several_languages_stand_beside_in_the_wanted_format(
    subtitle_format: str, download: Download
) -> None:
    done = download(
        "hls/master.m3u8",
        quality="360p",
        download_subtitles=True,
        subtitle_format=subtitle_format,
        subtitle_languages=("de", "pt-BR"),
    )

    texts = {file.language: file.path.read_text() for file in done.of(FileRole.SUBTITLE)}
    assert texts.keys() == {"de", "pt-BR"}
    assert "Guten Abend" in texts["de"]
    assert "Boa noite" in texts["pt-BR"]
    assert all(MARKS[subtitle_format] in text for text in texts.values())
    assert done.media.languages == []


@pytest.mark.parametrize(
    ("video_format", "codec", "languages"),
    [
        ("mp4", "mov_text", ["deu", "eng", "por"]),
        ("mkv", "subrip", ["deu", "eng", "por"]),
        ("mov", "mov_text", ["eng", "ger", "por"]),
    ],
)
def test_subtitles_are_embedded_with_their_languages(
    video_format: str, codec: str, languages: list[str], download: Download
) -> None:
    wanted = {"embed_subtitles": True, "subtitle_languages": ("en", "de", "pt-BR")}

    done = download("hls/master.m3u8", quality="360p", video_format=video_format, **wanted)

    assert [stream for stream in done.media.streams if stream[0] == "subtitle"] == [("subtitle", codec)] * 3
    assert sorted(done.media.languages) == languages
    assert len(done.files) == 1


def test_a_language_that_does_not_exist_is_told_and_no_failure(download: Download) -> None:
    done = download("hls/master.m3u8", quality="360p", download_subtitles=True, subtitle_languages=("de", "fr", "xx"))

    assert [file.language for file in done.of(FileRole.SUBTITLE)] == ["de"]
    assert done.warned("no subtitles in fr, xx; there are de, en, pt-BR")


def test_without_any_subtitles_the_media_comes_all_the_same(download: Download) -> None:
    done = download("video.mp4", download_subtitles=True, embed_subtitles=True)

    assert done.media.streams == [("video", "h264"), ("audio", "aac")]
    assert done.warned("no subtitles in en; there are none at all")


@pytest.mark.parametrize("auto_subtitles", [False, True])
def test_machines_subtitles_are_taken_only_when_asked(auto_subtitles: bool, origin: Origin, download: Download) -> None:
    captions = {"en": [{"url": origin.url("subtitles.en.vtt"), "ext": "vtt"}]}
    page = known(origin, "video.mp4", automatic_captions=captions)

    done = download("", known_info=page, download_subtitles=True, auto_subtitles=auto_subtitles)

    assert [file.language for file in done.of(FileRole.SUBTITLE)] == (["en"] if auto_subtitles else [])
    assert done.warned("no subtitles in en") is not auto_subtitles


@pytest.mark.parametrize("video_format", ["mp4", "mkv", "mov"])
def test_a_thumbnail_stands_beside_and_within_a_film(video_format: str, download: Download) -> None:
    done = download("page.html", video_format=video_format, write_thumbnail=True, embed_thumbnail=True)

    assert ("cover", "mjpeg") in done.media.streams
    [thumbnail] = done.of(FileRole.THUMBNAIL)
    assert thumbnail.path.read_bytes().startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("audio_format", ["mp3", "m4a", "flac", "opus", "vorbis"])
def test_sound_has_the_thumbnail_as_its_cover(audio_format: str, download: Download) -> None:
    done = download("page.html", audio_only=True, audio_format=audio_format, embed_thumbnail=True)

    assert [kind for kind, _ in done.media.streams] == ["audio", "cover"]
    assert len(done.files) == 1


def test_a_container_without_room_for_a_cover_is_told_and_no_failure(download: Download) -> None:
    done = download("page.html", video_format="avi", embed_thumbnail=True)

    assert done.warned("could not be embedded")
    assert [kind for kind, _ in done.media.streams] == ["video", "audio"]


@pytest.mark.parametrize("video_format", ["mp4", "mkv"])
def test_metadata_and_chapters_are_embedded(video_format: str, download: Download) -> None:
    media = download("chapters.html", video_format=video_format).media

    tags = {name.lower(): value for name, value in media.tags.items()}
    assert tags["title"] == "A long film"
    assert tags["artist"] == "A director"
    assert tags["date"] == "20260304"
    assert [(start, end, title) for start, end, title in media.chapters] == [
        (start, end, title) for title, start, end in CHAPTERS
    ]


def test_nothing_is_embedded_when_that_is_refused(download: Download) -> None:
    media = download("chapters.html", embed_metadata=False).media

    assert media.chapters == []
    assert "artist" not in media.tags


def test_what_the_site_tells_comes_as_json(download: Download) -> None:
    done = download("chapters.html", write_info_json=True)

    [info] = done.of(FileRole.INFO)
    told = json.loads(Path(info.path).read_text())
    assert (told["title"], told["uploader"], len(told["chapters"])) == ("A long film", "A director", 3)
