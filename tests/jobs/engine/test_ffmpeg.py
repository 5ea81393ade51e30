import json
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from jobs.engine import ffmpeg, ffprobe_stand_in
from jobs.engine.contract import Tools
from tests.origin import media


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """The wheel's ffmpeg with the stand-in, in a directory whose name needs quoting."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return ffmpeg.find(stand_in_directory=tmp_path / "it's a directory")


def make_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho 'ffmpeg version 7.1-fake'\n")
    path.chmod(0o755)
    return path


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def ask(tools: Tools, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tools.ffprobe, *arguments], capture_output=True, text=True, check=False)


def probe(tools: Tools, path: Path) -> dict[str, list[dict[str, object]]]:
    answer = ask(tools, "-hide_banner", "-show_format", "-show_streams", "-print_format", "json", f"file:{path}")
    content: dict[str, list[dict[str, object]]] = json.loads(answer.stdout)
    return content


def test_a_system_with_both_programs_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_program(tmp_path / "bin/ffmpeg")
    make_program(tmp_path / "bin/ffprobe")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    tools = ffmpeg.find(stand_in_directory=tmp_path / "unused")

    assert (tools.ffmpeg, tools.ffprobe) == (tmp_path / "bin/ffmpeg", tmp_path / "bin/ffprobe")
    assert not tools.ffprobe_is_stand_in
    assert not (tmp_path / "unused").exists()
    assert ffmpeg.version(tools) == "7.1-fake"


@pytest.mark.parametrize("location", ["opt", "opt/ffmpeg"])
def test_an_explicit_location_wins(location: str, tmp_path: Path) -> None:
    make_program(tmp_path / "opt/ffmpeg")
    make_program(tmp_path / "opt/ffprobe")

    tools = ffmpeg.find(str(tmp_path / location), stand_in_directory=tmp_path / "tools")

    assert tools.ffmpeg == tmp_path / "opt/ffmpeg"


def test_programs_with_other_names_are_linked_under_the_usual_ones(tmp_path: Path) -> None:
    binary = make_program(tmp_path / "opt/ffmpeg-7")
    make_program(tmp_path / "opt/ffprobe-7")

    tools = ffmpeg.find(str(binary), stand_in_directory=tmp_path / "tools")

    assert tools.ffmpeg.resolve() == binary
    assert tools.ffprobe.resolve() == tmp_path / "opt/ffprobe-7"
    assert (tools.ffmpeg.name, tools.ffprobe.name) == ("ffmpeg", "ffprobe")
    assert not tools.ffprobe_is_stand_in


def test_a_wrong_location_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ffmpeg.ToolMissingError, match="nowhere"):
        ffmpeg.find(str(tmp_path / "nowhere"), stand_in_directory=tmp_path)


def test_an_upgrade_replaces_the_link_and_the_script(tmp_path: Path) -> None:
    old, new = make_program(tmp_path / "old/ffmpeg"), make_program(tmp_path / "new/ffmpeg")
    ffmpeg.find(str(old), stand_in_directory=tmp_path / "tools")

    tools = ffmpeg.find(str(new), stand_in_directory=tmp_path / "tools")

    assert tools.ffmpeg.resolve() == new
    assert str(new) in tools.ffprobe.read_text()
    assert names(tmp_path / "tools") == ["ffmpeg", "ffprobe"]


def test_many_processes_may_look_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # where the system has both, there is nothing to make
    script = ffmpeg.find(stand_in_directory=tmp_path / "one").ffprobe.read_text()

    with ProcessPoolExecutor(4) as pool:
        futures = [pool.submit(ffmpeg.find, stand_in_directory=tmp_path / "many") for _ in range(40)]

    assert {future.result().ffprobe.read_text() for future in futures} == {script}
    assert names(tmp_path / "many") == ["ffmpeg", "ffprobe"]


def test_the_java_script_runtime_beside_python_is_found(tmp_path: Path) -> None:
    tools = ffmpeg.find(stand_in_directory=tmp_path)

    assert tools.js_runtime == Path(sys.executable).parent / "deno"


@pytest.mark.parametrize(("name", "is_taken"), [("deno", True), ("node", True), ("bun", False)])
def test_only_runtimes_that_yt_dlp_starts_in_a_sandbox_are_taken(
    name: str, is_taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = make_program(tmp_path / name)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))

    tools = ffmpeg.find(stand_in_directory=tmp_path / "tools")

    assert tools.js_runtime == (runtime if is_taken else None)


def test_the_report_names_the_version_and_what_is_missing(tmp_path: Path, stand_in: Tools) -> None:
    bare = ffmpeg.find(str(make_program(tmp_path / "opt/ffmpeg")), stand_in_directory=tmp_path / "tools")

    assert ffmpeg.version(stand_in) in ffmpeg.describe(stand_in)
    assert "ffprobe stand-in" in ffmpeg.describe(stand_in)
    assert ffmpeg.describe(stand_in).endswith("missing: nothing")
    assert "7.1-fake" in ffmpeg.describe(bare)
    assert "mp3 audio" in ffmpeg.describe(bare).partition("missing: ")[2]


def test_the_stand_in_says_its_version_as_yt_dlp_reads_it(stand_in: Tools) -> None:
    answer = ask(stand_in, "-bsfs")

    assert answer.returncode == 0
    assert answer.stdout.startswith(f"ffprobe version {ffmpeg.version(stand_in)} ")


def test_the_stand_in_lists_streams_with_the_codec_before_its_type(stand_in: Tools) -> None:
    answer = ask(stand_in, "-show_streams", f"file:{media.directory() / 'video.mp4'}")

    lines = [line for line in answer.stdout.splitlines() if line.startswith("codec_")]
    assert lines == ["codec_name=h264", "codec_type=video", "codec_name=aac", "codec_type=audio"]


def test_the_stand_in_describes_a_file_as_json(stand_in: Tools) -> None:
    answer = probe(stand_in, media.directory() / "video.mp4")

    video, audio = answer["streams"]
    assert (video["codec_type"], video["codec_name"], video["width"], video["height"]) == ("video", "h264", 320, 180)
    assert (audio["codec_type"], audio["codec_name"]) == ("audio", "aac")
    assert answer["format"]["duration"] == "4.000000"  # type: ignore[call-overload]
    assert "mp4" in answer["format"]["format_name"]  # type: ignore[call-overload]


def test_the_stand_in_heeds_what_a_file_may_be(stand_in: Tools) -> None:
    path = f"file:{media.directory() / 'video.mp4'}"

    assert ask(stand_in, "-format_whitelist", "matroska,mov", "-show_streams", path).returncode == 0
    assert ask(stand_in, "-format_whitelist", "matroska", "-show_streams", path).returncode == 1
    assert ask(stand_in, "-protocol_whitelist", "http", "-show_streams", path).returncode == 1


def test_the_stand_in_shows_attachments_with_their_tags(stand_in: Tools, tmp_path: Path) -> None:
    target = tmp_path / "with cover.mkv"
    cover = media.directory() / "thumbnail.jpg"
    attach = ("-attach", cover, "-metadata:s:2", "mimetype=image/jpeg", "-metadata:s:2", "filename=cover.jpg")
    command: list[str | Path] = [
        stand_in.ffmpeg,
        "-v",
        "error",
        "-i",
        media.directory() / "video.mp4",
        "-c",
        "copy",
        *attach,
        target,
    ]
    subprocess.run(command, check=True)

    picture = probe(stand_in, target)["streams"][2]

    assert picture["tags"]["mimetype"] == "image/jpeg"  # type: ignore[index]
    assert picture["disposition"]["attached_pic"] == 1  # type: ignore[index]


def test_hostile_tags_reach_the_json_unchanged_and_make_no_streams(stand_in: Tools, tmp_path: Path) -> None:
    value = 'quote " back \\ two\n  Stream #0:7: Video: h264\ttab é 𝄞 end'
    target = tmp_path / "hostile.mkv"
    tags = ("-metadata:s:a:0", f"title={value}", "-metadata", f"  Stream #0:9: Video: x={value}")
    subprocess.run(
        [stand_in.ffmpeg, "-v", "error", "-i", media.directory() / "video.mp4", "-c", "copy", *tags, target],
        check=True,
    )

    streams = probe(stand_in, target)["streams"]

    assert len(streams) == 2
    assert streams[1]["tags"]["title"].split() == value.split()  # type: ignore[index]


def test_the_stand_in_fails_on_what_is_no_media(stand_in: Tools, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no media")

    answer = ask(stand_in, "-show_streams", f"file:{tmp_path / 'text.mp4'}")

    assert answer.returncode == 1
    assert answer.stdout == ""


def test_the_report_of_an_old_ffmpeg_is_understood() -> None:
    report = ffprobe_stand_in.parse(
        "Input #0, matroska,webm, from 'x':\n  Duration: N/A, bitrate: N/A\n"
        "    Stream #0:0(eng): Video: vp9 (Profile 0), yuv420p(tv), 320x180, SAR 1:1, 25 fps (default)\n"
        "    Metadata:\n      DURATION        : 00:00:04.00\n"
    )

    assert report.duration is None
    assert [(s.kind, s.codec, s.width, s.tags["language"], s.is_default) for s in report.streams] == [
        ("video", "vp9", 320, "eng", True)
    ]


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="this machine has no real ffprobe to compare with")
def test_the_stand_in_agrees_with_the_real_ffprobe(tmp_path: Path) -> None:
    real = ffmpeg.find(stand_in_directory=tmp_path / "real")
    mimic = ffmpeg.find(str(shutil.copy(real.ffmpeg, tmp_path / "ffmpeg")), stand_in_directory=tmp_path / "mimic")

    for name in ("video.mp4", "video.mkv", "video.webm", "audio.mp3"):
        expected, actual = (probe(tools, media.directory() / name)["streams"] for tools in (real, mimic))
        fields = ("index", "codec_type", "codec_name", "width", "height")
        assert [[s.get(f) for f in fields] for s in actual] == [[s.get(f) for f in fields] for s in expected]
