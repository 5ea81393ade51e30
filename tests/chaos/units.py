"""Programs under a supervisor, as systemd or a container platform runs them: one that dies is started again."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.chaos import PROJECT

RESTART_SECONDS = 0.5


class Unit:
    """One program. What it prints goes to the end of `log`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environment = dict(environment)
        self._log = log
        self._is_wanted = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self.process: subprocess.Popen[bytes] = self._spawn()
        self.starts = 1
        self._is_wanted.set()
        self._keeper.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """To the program itself, not to what it started."""
        self.process.send_signal(number)

    def stop(self, *, seconds: float = 30) -> float:
        """Ask it once to end, and start it no more. How long it took; an assertion when it does not end."""
        self._is_wanted.clear()
        begun = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"{self._command} did not end within {seconds} s of SIGTERM") from None
        finally:
            self._keeper.join()
        return time.monotonic() - begun

    def kill(self) -> None:
        """For good."""
        self._is_wanted.clear()
        self.process.kill()
        self._keeper.join()

    def again(self) -> None:
        """After `stop` or `kill`."""
        self._is_wanted.set()
        self.process = self._spawn()
        self.starts += 1
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _keep(self) -> None:
        while True:
            self.process.wait()
            time.sleep(RESTART_SECONDS)  # a supervisor's back-off
            if not self._is_wanted.is_set():
                return
            self.process = self._spawn()
            self.starts += 1


def kill_all(pids: Sequence[int], number: signal.Signals = signal.SIGKILL) -> int:
    """Signal each that still lives. How many that are."""
    alive = 0
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        alive += 1
    return alive
