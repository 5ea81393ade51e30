"""A stream in fragments whose attempt was killed, at every moment of writing it down."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.engine import supervisor
from jobs.engine.contract import Request, Stop
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin import media
from tests.origin.server import Origin

pytestmark = pytest.mark.slow


def fragment_written_and_not_counted(partial: Path, state: Path) -> None:
    with partial.open("ab") as file:
        file.write((media.directory() / "hls/360-2.ts").read_bytes())


def half_of_the_state_written(partial: Path, state: Path) -> None:
    state.write_text("{")


def state_lost(partial: Path, state: Path) -> None:
    state.unlink()


def partial_file_cut(partial: Path, state: Path) -> None:
    partial.write_bytes(partial.read_bytes()[:1000])


@pytest.mark.parametrize(
    "death", [fragment_written_and_not_counted, half_of_the_state_written, state_lost, partial_file_cut]
)
def test_a_killed_stream_is_gone_on_from_without_a_flaw(
    death: Callable[[Path, Path], None], origin: Origin, tmp_path: Path
) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    undisturbed.mkdir()
    killed.mkdir()
    right = fetch(origin, undisturbed)
    make_playlist(origin, third="/stall/hls/360-2.ts")
    stopped = supervisor.run(
        request_for(origin, killed), Recorder(Stop.DRAIN, lambda _: has_two(killed)), tick_seconds=0.02
    )
    [partial], [state] = partials(killed), killed.glob("*.ytdl")

    death(partial, state)

    assert stopped.stopped is Stop.DRAIN
    assert fetch(origin, killed) == right


def fetch(origin: Origin, directory: Path) -> str:
    make_playlist(origin)
    outcome = supervisor.run(request_for(origin, directory), Recorder())
    assert outcome.result is not None, outcome
    return hashlib.sha256(outcome.result.files[0].path.read_bytes()).hexdigest()


def request_for(origin: Origin, directory: Path) -> Request:
    return make_request(
        origin.url("hls/360.m3u8"), directory, allow=[origin.host], embed_metadata=False, grace_seconds=0.3
    )


def make_playlist(origin: Origin, third: str = "/hls/360-2.ts") -> None:
    playlist = (media.directory() / "hls/360.m3u8").read_text().replace("360-2.ts", third)
    origin.pages["/hls/360.m3u8"] = ("application/vnd.apple.mpegurl", playlist.encode())


def has_two(directory: Path) -> bool:
    """Whether so many fragments are in the partial file, and the third is under way."""
    two = sum((media.directory() / f"hls/360-{number}.ts").stat().st_size for number in (0, 1))
    is_third_under_way = bool(list(directory.glob("*-Frag3.part")))
    return is_third_under_way and any(path.stat().st_size == two for path in partials(directory))


def partials(directory: Path) -> list[Path]:
    return [path for path in directory.glob("*.part") if "-Frag" not in path.name]
