import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yt_dlp
from hypothesis import given, settings
from hypothesis import strategies as st
from yt_dlp.downloader.common import FileDownloader
from yt_dlp.downloader.fragment import FragmentFD

from jobs.engine import ffprobe_stand_in, inputs, options
from jobs.engine.contract import EgressPolicy, Limits, Options, Request
from tests.origin import media
from tests.origin.server import Origin

pytestmark = pytest.mark.slow


@dataclass
class Log:
    warnings: list[str] = field(default_factory=list)

    def debug(self, message: str) -> None: ...

    def info(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...

    def warning(self, message: str) -> None:
        self.warnings.append(message)


@dataclass
class Download:
    """What one real download left behind."""

    info: dict[str, Any]
    directory: Path
    log: Log

    @property
    def path(self) -> Path:
        return Path(self.info["requested_downloads"][0]["filepath"])

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())

    def streams(self) -> list[tuple[str, str]]:
        """Kind and codec of each stream; covers count as `cover`."""
        command = ["-hide_banner", "-i", str(self.path)]
        report = ffprobe_stand_in.parse(ffprobe_stand_in.run(str(media.tools().ffmpeg), command, 2)[1])
        return [("cover" if stream.is_attached_picture else stream.kind, stream.codec) for stream in report.streams]


Get = Callable[..., Download]


@pytest.fixture
def get(origin: Origin, tmp_path: Path) -> Get:
    """Download a path of the origin with these options, by the real yt-dlp and ffmpeg."""

    def download(path: str, *, pinned_format: str | None = None, **wanted: Any) -> Download:
        log = Log()
        request = make_request(tmp_path, origin.url(path), pinned_format=pinned_format, **wanted)
        parameters = options.build(request, progress_hook=ignore, postprocessor_hook=ignore, logger=log)
        with yt_dlp.YoutubeDL(parameters) as downloader:
            info = downloader.extract_info(request.url)
            info = info["entries"][0] if "entries" in info else info
        return Download(info, tmp_path, log)

    return download


def ignore(_: dict[str, Any]) -> None: ...


def make_request(directory: Path, url: str = "", *, pinned_format: str | None = None, **wanted: Any) -> Request:
    limits = Limits(
        total_seconds=60, stall_seconds=10, max_file_bytes=1 << 30, free_disk_bytes=0, max_memory_bytes=1 << 30
    )
    return Request(
        job_id="job",
        url=url,
        options=Options(**wanted),
        limits=limits,
        egress=EgressPolicy(),
        tools=media.tools(),
        work_dir=directory,
        default_format="bv*+ba/b",
        pinned_format=pinned_format,
    )


def build(directory: Path, *, pinned_format: str | None = None, **wanted: Any) -> dict[str, Any]:
    request = make_request(directory, pinned_format=pinned_format, **wanted)
    return options.build(request, progress_hook=ignore, postprocessor_hook=ignore, logger=Log())


# --- what it builds ---


def test_nothing_but_the_allow_list_reaches_yt_dlp(tmp_path: Path) -> None:
    parameters = build(tmp_path, custom_format="b", download_subtitles=True, embed_thumbnail=True)

    assert parameters["allowed_extractors"] == ["default"]
    assert parameters["default_search"] == "error"
    assert not parameters["enable_file_urls"]
    assert parameters["cachedir"] is False
    assert not parameters["usenetrc"]
    assert parameters["external_downloader"] is None
    assert parameters["skip_unavailable_fragments"] is False
    assert parameters["proxy"] == ""
    assert set(parameters["js_runtimes"]) == {"deno"}
    given = parameters["external_downloader_args"]["ffmpeg_i"]
    whitelist = given[given.index("-protocol_whitelist") :]
    assert whitelist[0] == "-protocol_whitelist"
    assert not {"file", "rtmp", "ftp", "concat", "udp", "rtp"} & set(whitelist[1].split(","))
    assert whitelist[2] == "-format_whitelist"
    assert not {"concat", "imf", "lavfi", "rtsp", "sdp", "tty", "vobsub"} & set(whitelist[3].split(","))
    documented = "".join(kind.__doc__ or "" for kind in (yt_dlp.YoutubeDL, FileDownloader, FragmentFD))
    assert [name for name in parameters if name not in documented] == []


def test_yt_dlp_takes_every_combination_of_options(tmp_path: Path) -> None:
    for video_format in ("mp4", "mkv", "webm", "avi", "mov", "flv"):
        for audio_format in ("mp3", "m4a", "flac", "wav", "opus", "aac", "vorbis"):
            for quality in ("best", "4k", "1440p", "1080p", "720p", "480p", "360p", "audio", "audio_only"):
                for bits in ("96", "128", "192", "256", "320", "best"):
                    wanted = {"video_format": video_format, "audio_format": audio_format, "audio_quality": bits}
                    build(tmp_path, quality=quality, embed_subtitles=True, embed_thumbnail=True, **wanted)
        yt_dlp.YoutubeDL({**build(tmp_path, video_format=video_format, embed_thumbnail=True)}, auto_init=False).close()


def test_no_plugin_is_loaded(tmp_path: Path) -> None:
    from yt_dlp.globals import all_plugins_loaded, plugin_ies

    build(tmp_path)

    assert all_plugins_loaded.value
    assert not plugin_ies.value


def test_languages_are_no_patterns(tmp_path: Path) -> None:
    parameters = build(tmp_path, download_subtitles=True, subtitle_languages=("en", "zh-Hans"))

    assert parameters["subtitleslangs"] == ["en", "zh[-_]Hans"]
    assert build(tmp_path, download_subtitles=True, subtitle_languages=(".*",))["subtitleslangs"] == [r"\.\*"]


def test_the_installations_format_applies_to_quality_best_alone(tmp_path: Path) -> None:
    assert build(tmp_path)["format"] == "bv*+ba/b"
    assert build(tmp_path, custom_format="22")["format"] == "22"
    assert "format_sort" not in build(tmp_path, custom_format="22")


def test_a_pinned_format_goes_before_the_selection(tmp_path: Path) -> None:
    assert build(tmp_path, pinned_format="137+140")["format"] == "137+140/bv*+ba/b"
    assert build(tmp_path, pinned_format="a/b[c]")["format"] == "bv*+ba/b"


# --- what comes of it ---


@pytest.mark.parametrize(("quality", "height"), [("best", 720), ("4k", 720), ("480p", 360), ("360p", 360)])
def test_a_preset_takes_the_best_rendition_within_its_height(quality: str, height: int, get: Get) -> None:
    download = get("/hls/master.m3u8", quality=quality)

    assert download.info["height"] == height
    assert download.names == [f"media.f{download.info['format_id']}.mp4"]
    assert download.streams() == [("video", "h264"), ("audio", "aac")]


def test_a_preset_takes_the_smallest_when_all_are_larger(get: Get, origin: Origin) -> None:
    master = (media.directory() / "hls/master.m3u8").read_text().splitlines()
    high = [line.replace('URI="', 'URI="/hls/') for line in master if "RESOLUTION=320" not in line]
    lines = [f"/hls/{line}" if line.endswith(".m3u8") else line for line in high if line != "180.m3u8"]
    origin.pages["/high.m3u8"] = ("application/vnd.apple.mpegurl", "\n".join(lines).encode())

    assert get("/high.m3u8", quality="360p").info["height"] == 360


def test_a_custom_format_overrides_quality(get: Get) -> None:
    assert get("/hls/master.m3u8", quality="720p", custom_format="bv[height<200]+ba").info["height"] == 180


def test_a_pinned_format_is_taken_again_and_a_lost_one_is_not_missed(get: Get) -> None:
    assert get("/hls/master.m3u8", pinned_format="364+sound-English").info["height"] == 360
    assert get("/hls/master.m3u8", pinned_format="999+sound-English").info["height"] == 720


@pytest.mark.parametrize(
    ("source", "wanted", "suffix"),
    [
        ("/video.mp4", "mkv", ".mkv"),
        ("/video.mp4", "mov", ".mov"),
        ("/video.mp4", "avi", ".avi"),
        ("/video.mp4", "flv", ".flv"),
        ("/video.webm", "mp4", ".mp4"),
        ("/video.mkv", "mp4", ".mp4"),
    ],
)
def test_streams_that_fit_move_into_the_wanted_container(source: str, wanted: str, suffix: str, get: Get) -> None:
    download = get(source, video_format=wanted)

    assert download.path.suffix == suffix
    assert download.names == [download.path.name]
    assert {codec for _, codec in download.streams()} <= {"h264", "aac", "vp9", "opus"}


@pytest.mark.parametrize(
    ("source", "wanted", "suffix"),
    [
        ("/video.mp4", "webm", ".mp4"),
        ("/old.webm", "mp4", ".webm"),
        ("/video.webm", "avi", ".webm"),
        ("/hls/master.m3u8", "webm", ".mkv"),
        ("/thumbnail.jpg", "mp4", ".jpg"),
    ],
)
def test_streams_that_do_not_fit_stay_where_they_are(source: str, wanted: str, suffix: str, get: Get) -> None:
    download = get(source, video_format=wanted, embed_thumbnail=True)

    assert download.path.suffix == suffix
    assert any("does not fit" in warning for warning in download.log.warnings)


@pytest.mark.parametrize(
    ("audio_format", "quality", "suffix", "codec"),
    [
        ("mp3", "192", ".mp3", "mp3"),
        ("m4a", "320", ".m4a", "aac"),
        ("aac", "best", ".m4a", "aac"),
        ("flac", "192", ".flac", "flac"),
        ("wav", "192", ".wav", "pcm_s16le"),
        ("opus", "320", ".opus", "opus"),
        ("vorbis", "320", ".ogg", "vorbis"),
    ],
)
def test_sound_comes_in_the_wanted_format(audio_format: str, quality: str, suffix: str, codec: str, get: Get) -> None:
    download = get(
        "/page.html", audio_only=True, audio_format=audio_format, audio_quality=quality, embed_thumbnail=True
    )

    assert download.path.suffix == suffix
    assert download.names == [download.path.name]
    assert download.streams() == [("audio", codec)] + ([("cover", "mjpeg")] if suffix != ".wav" else [])


def test_a_higher_audio_quality_gives_more_bits(get: Get) -> None:
    low = get("/video.webm", quality="audio", audio_quality="96").path.stat().st_size
    high = get("/video.webm", quality="audio", audio_quality="320").path.stat().st_size

    assert high > low * 2


def test_subtitles_are_chosen_converted_and_embedded(get: Get) -> None:
    wanted = {"download_subtitles": True, "embed_subtitles": True, "subtitle_languages": ("de", "pt-BR", "xx")}
    download = get("/hls/master.m3u8", **wanted)

    stem = download.path.stem
    assert download.names == [f"{stem}.de.srt", f"{stem}.mp4", f"{stem}.pt-BR.srt"]
    assert "Guten Abend" in (download.directory / f"{stem}.de.srt").read_text()
    assert [kind for kind, _ in download.streams()] == ["video", "audio", "subtitle", "subtitle"]


@pytest.mark.parametrize("subtitle_format", ["vtt", "ass", "lrc"])
def test_subtitles_come_in_the_wanted_format(subtitle_format: str, get: Get) -> None:
    download = get("/page.html", download_subtitles=True, subtitle_format=subtitle_format)

    assert download.path.with_suffix(f".en.{subtitle_format}").is_file()


def test_subtitles_that_are_only_embedded_leave_no_file(get: Get) -> None:
    download = get("/page.html", embed_subtitles=True)

    assert download.names == [download.path.name]
    assert ("subtitle", "mov_text") in download.streams()


@pytest.mark.parametrize("video_format", ["mp4", "mkv"])
def test_thumbnails_are_embedded_and_kept_only_when_asked(video_format: str, get: Get, origin: Origin) -> None:
    webp = (media.directory() / "thumbnail.webp").read_bytes()
    origin.pages["/thumbnail.jpg"] = ("image/webp", webp)

    embedded = get("/page.html", embed_thumbnail=True, video_format=video_format)
    assert embedded.names == [embedded.path.name]
    assert ("cover", "mjpeg") in embedded.streams()

    written = get("/page.html", write_thumbnail=True, video_format=video_format)
    assert written.path.with_suffix(".jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_a_thumbnail_that_is_no_image_does_not_cost_the_film(get: Get, origin: Origin) -> None:
    page = origin.url("/bad.webp").join(['<video poster="', '" src="/video.mp4"></video>'])
    origin.pages["/bad.html"] = ("text/html", f"<html><title>x</title>{page}</html>".encode())
    origin.pages["/bad.webp"] = ("image/webp", b"<html>404</html>")

    download = get("/bad.html", embed_thumbnail=True, write_thumbnail=True)

    assert download.names == [download.path.name]
    assert any("not an image" in warning for warning in download.log.warnings)


def test_metadata_is_embedded_unless_refused(get: Get) -> None:
    assert b"A test film" in get("/page.html").path.read_bytes()


def test_info_json_holds_no_cookies_and_no_headers(get: Get) -> None:
    download = get("/page.html", write_info_json=True)

    content = download.path.with_suffix(".info.json").read_text()
    assert json.loads(content)["title"].startswith("A test film")
    assert "http_headers" not in content
    assert "cookies" not in content


def test_a_list_gives_its_first_entry_alone(get: Get) -> None:
    assert len(get("/playlist.html").names) == 1


def test_a_partial_file_is_continued(get: Get, origin: Origin, tmp_path: Path) -> None:
    whole = (media.directory() / "long.mp4").read_bytes()
    (tmp_path / "media.fmp4.mp4.part").write_bytes(whole[:1_000_000])

    download = get("/long.mp4", embed_metadata=False)

    assert download.path.read_bytes() == whole
    assert origin.received("/long.mp4")[-1].range == "bytes=1000000-"


def test_a_dash_manifest_is_merged(get: Get) -> None:
    assert get("/dash/manifest.mpd").streams() == [("video", "h264"), ("audio", "aac")]


def test_hostile_names_stay_in_the_work_directory(get: Get, origin: Origin, tmp_path: Path) -> None:
    master = (
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="../../../x",NAME="../../..",URI="/hls/audio.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=320x180,CODECS="avc1.42c01e,mp4a.40.2",AUDIO="../../../x"\n'
        "/hls/180.m3u8\n"
    )
    origin.pages["/hostile.m3u8"] = ("application/vnd.apple.mpegurl", master.encode())

    download = get("/hostile.m3u8")

    assert download.path.parent == tmp_path
    assert not [name for name in download.names if name.startswith(".")]


# --- what users may write ---


@pytest.mark.parametrize(
    "selector", ["best", "bv*[height<=?720]+ba/b", "137+140", "(mp4/webm)[fps>30]", "ba[ext=m4a]", "b.2", "hls-720_a"]
)
def test_good_selectors_are_accepted(selector: str) -> None:
    options.check_format_selector(selector)


@pytest.mark.parametrize(
    ("selector", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("b" * 501, "longer than 500"),
        ("best[height>", "brackets or parenthesis, at character 13: best[height>►"),
        ("bv*+", "Expected a selector, at character 4: bv*►+"),
        ("a,,b", "at character 3: a,►,b"),
        ("(" * 400, "at character 401"),
        ("a" + "+(a" * 160, "at character"),
        ("best#comment", "'#', as at character 5"),
        ("best\nworst", "one line"),
        ("best\x00", "one line"),
    ],
)
def test_a_bad_selector_is_refused_with_the_place(selector: str, says: str) -> None:
    refusal = complaint(selector)

    assert says in refusal
    assert len(refusal) < 200


def complaint(selector: str) -> str:
    """What the user is told about a selector; nothing when it is accepted."""
    try:
        options.check_format_selector(selector)
    except ValueError as error:
        return str(error)
    return ""


def test_no_file_may_be_a_list_of_further_files() -> None:
    named = dict(zip(inputs.FILE_INPUT[::2], inputs.FILE_INPUT[1::2], strict=True))

    assert named["-protocol_whitelist"] == "file"
    lists = {"concat", "dash", "hls", "imf", "lavfi", "rtsp", "sdp", "tty", "vobsub", "webm_dash_manifest"}
    assert not lists & set(named["-format_whitelist"].split(","))


def test_deep_nesting_is_an_answer_and_not_a_crash() -> None:
    # From Python 3.12 on, the tokenizer gives up at a hundred brackets, and yt-dlp takes that for a missing one.
    answers = ("", "The format selector is nested too deeply.", "Missing closing/opening brackets or parenthesis")
    for selector in ("(" * 249 + "b" + ")" * 249, "b/" * 249 + "b", "b+" * 249 + "b"):
        assert complaint(selector).partition(", at ")[0] in answers


@settings(max_examples=200)
@given(st.text(alphabet="bvaw*+/,()[]<>=?.:'\"!~ 0159\\{}@`;$%^&|", max_size=40))
def test_any_text_is_accepted_or_refused_as_a_value(selector: str) -> None:
    assert "\n" not in complaint(selector)


@pytest.mark.parametrize("code", ["en", "en-US", "zh-Hans", "pt-BR", "zh-Hant-TW", "fil", "es-419"])
def test_language_codes_are_accepted(code: str) -> None:
    options.check_subtitle_language(code)


@pytest.mark.parametrize("code", ["", "all", "-en", "e", "english", "en_US", ".*", "en|de", "en\n", "a" * 99, "(?i)en"])
def test_what_is_no_language_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="language code"):
        options.check_subtitle_language(code)
