"""The running API against its own description: what that allows and forbids is sent, and each answer compared."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.stack import API_KEY, PROJECT, Stack, running_stack

pytestmark = pytest.mark.slow
EXAMPLES = 5
SECONDS = 900  # a fuse: two cores need three minutes when they have nothing else to do, and they share


@pytest.fixture
def secluded(tmp_path: Path) -> Iterator[Stack]:
    """A service that may reach public addresses only, so that links made up here lead nowhere on this machine."""
    with running_stack(tmp_path, ALLOW_PRIVATE_ADDRESSES="false", QUEUE_LIMIT="100000") as service:
        yield service


@pytest.mark.timeout(SECONDS + 60)
def test_every_answer_is_as_described(secluded: Stack, tmp_path: Path) -> None:
    options = [
        *("--header", f"X-API-Key: {API_KEY}", "--max-examples", str(EXAMPLES), "--generation-deterministic"),
        *("--continue-on-failure", "--no-color", "--workers", "2", "--suppress-health-check", "all"),
        *("--request-timeout", "40"),
    ]
    shutil.copy(PROJECT / "schemathesis.toml", tmp_path)  # where it keeps its memory of failures, too
    program = Path(sys.executable).with_name("schemathesis")

    run = subprocess.run(
        [program, "run", secluded.url("/openapi.json"), *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
