"""Somebody kills the programs of a download."""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from jobs.engine import supervisor
from jobs.engine.contract import FailureCode
from tests.jobs.engine.attempts import Recorder, make_request, processes_in
from tests.origin.server import Origin

pytestmark = pytest.mark.slow


def test_a_conversion_that_is_killed_is_worth_another_attempt(origin: Origin, tmp_path: Path) -> None:
    request = make_request(origin.url("/long.mp4"), tmp_path, allow=[origin.host], audio_only=True, audio_format="opus")

    is_over = threading.Event()

    def kill_each() -> None:
        while not is_over.wait(0.005):
            for pid in ffmpeg_in(tmp_path):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_each)
    killer.start()
    outcome = supervisor.run(request, Recorder())
    is_over.set()
    killer.join()

    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.is_retryable) == (FailureCode.INTERNAL, True)


def ffmpeg_in(directory: Path) -> list[int]:
    return [pid for pid, name in processes_in(directory).items() if name.startswith("ffmpeg")]
