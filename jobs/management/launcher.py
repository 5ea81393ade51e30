"""Runs honcho so that nothing outlives it: `python -m jobs.management.launcher PORT GRACE_SECONDS`. Loads no Django.

honcho by itself kills after 5 seconds, ignores a closed terminal, and leaves its programs behind when it is killed.
"""

import ctypes
import os
import signal
import sys

import honcho.command
import honcho.manager

PR_SET_PDEATHSIG = 1
MARGIN_SECONDS = 2


def main(port: str, grace_seconds: str) -> None:
    """Start the programs of the Procfile and serve until the first of them ends, or until INT, TERM or HUP."""
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    os.register_at_fork(after_in_child=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    honcho.manager.KILL_WAIT = int(grace_seconds) + MARGIN_SECONDS
    sys.argv = ["honcho", "start", "--no-prefix", "--port", port]
    honcho.command.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
