"""Runs honcho so that nothing outlives it: `python -m jobs.management.launcher PORT GRACE_SECONDS`. Loads no Django.

honcho's own command kills after 5 seconds and ignores a closed terminal, and its manager has a process of its own for
each program, which takes 6 MB to read a pipe and leaves the program behind when it is killed.
"""

import os
import queue
import signal
import sys
import threading
from pathlib import Path

import honcho.manager
from honcho.environ import parse_procfile
from honcho.printer import Printer

from jobs.engine import environment

MARGIN_SECONDS = 2


class Manager(honcho.manager.Manager):  # type: ignore[misc]  # honcho has no types
    """honcho's, with a thread to start and read each program.

    As that is a thread of this process, the programs, which end with the one that started them, end with this one.
    """

    _is_to_end = False

    def terminate(self) -> None:
        """Now, or as soon as every program has told its id: honcho's own fails in the moment before."""
        if super()._all_started():
            super().terminate()
        else:
            self._is_to_end = True

    def _all_started(self) -> bool:
        """Asked in each round of honcho's loop."""
        have = bool(super()._all_started())
        if have and self._is_to_end:
            self._is_to_end = False
            super().terminate()
        return have

    def _start(self) -> None:
        for program in self._processes.values():
            threading.Thread(target=program["obj"].run, args=(self.events,)).start()


def main(port: str, grace_seconds: str) -> int:
    """Start the programs of the Procfile and serve until the first of them ends, or until INT, TERM or HUP.

    Returns the exit code.
    """
    environment.hide()
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    honcho.manager.multiprocessing = queue  # of both it uses the Queue alone, once there are threads
    honcho.manager.KILL_WAIT = int(grace_seconds) + MARGIN_SECONDS
    manager = Manager(Printer(sys.stdout, prefix=False))
    for name, command in parse_procfile(Path("Procfile").read_text(encoding="utf-8")).processes.items():
        manager.add_process(name, command, env={**os.environ, "PORT": port})
    manager.loop()
    return int(manager.returncode)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
