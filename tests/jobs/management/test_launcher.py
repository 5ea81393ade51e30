"""The launcher with a Procfile of its own: which processes there are, what it passes on, how it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[3]
SECONDS = 30


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    (tmp_path / "Procfile").write_text("one: echo port $PORT; exec sleep 60\ntwo: exec sleep 60\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "jobs.management.launcher", "1234", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for_children(process)
    yield process
    process.kill()
    process.communicate()


def test_each_program_is_one_process_and_nothing_else_runs(launcher: "subprocess.Popen[str]") -> None:
    assert [Path(f"/proc/{pid}/comm").read_text().strip() for pid in children(launcher.pid)] == ["sleep", "sleep"]


def test_what_programs_print_is_passed_on_and_they_know_the_port(launcher: "subprocess.Popen[str]") -> None:
    launcher.terminate()

    output, _ = launcher.communicate(timeout=SECONDS)

    assert "port 1234\n" in output


def test_who_is_told_to_end_before_the_programs_run_ends_them_all_the_same() -> None:
    told = "manager.add_process('one', 'exec sleep 60'); manager.terminate(); manager.loop()"
    code = (
        "import queue, sys; import honcho.manager; from honcho.printer import Printer\n"
        "from jobs.management.launcher import Manager\n"
        f"honcho.manager.multiprocessing = queue; manager = Manager(Printer(sys.stdout)); {told}"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "sending SIGTERM to one" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_programs_and_then_the_launcher(
    launcher: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    programs = children(launcher.pid)

    launcher.send_signal(number)

    assert launcher.wait(SECONDS) == (130 if number is signal.SIGINT else 143)
    assert not [pid for pid in programs if Path(f"/proc/{pid}").exists()]


def test_when_one_program_ends_all_do(launcher: "subprocess.Popen[str]") -> None:
    first, second = children(launcher.pid)

    os.kill(first, signal.SIGKILL)

    assert launcher.wait(SECONDS) != 0
    assert not Path(f"/proc/{second}").exists()


def wait_for_children(launcher: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + SECONDS
    while [Path(f"/proc/{pid}/comm").read_text() for pid in children(launcher.pid)] != ["sleep\n", "sleep\n"]:
        assert time.monotonic() < deadline, "the programs do not start"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """Also those that a thread has started."""
    lists = (task / "children" for task in Path(f"/proc/{pid}/task").iterdir())
    return sorted(int(child) for one in lists for child in one.read_text().split())
