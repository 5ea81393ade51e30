"""Starts a command in a built root as an engine would: own processes and mounts, read-only root, not as root.

The network is the machine's: nothing here proves an engine's.
"""

import json
import shlex
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.proof.roots import Stage

STOP_SECONDS = 15
MOUNTS = """
mount --bind {root} {root}
mount --bind {data} {root}/app/data
mount -t tmpfs tmpfs {root}/tmp
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
mount -o remount,bind,ro {root}
exec chroot --userspec {user} {root} /usr/bin/env -i -C {directory} "$@"
"""


@dataclass
class Container:
    """A running command, its variables and where it runs."""

    stage: Stage
    process: "subprocess.Popen[bytes]"
    variables: Mapping[str, str]

    def healthy(self) -> bool:
        """What the image's HEALTHCHECK says inside the container; False while that is still being made."""
        if not self._children():
            return False
        words = json.loads(self.stage.last["HEALTHCHECK"].partition("CMD ")[2])
        return subprocess.run(self._inside(words), capture_output=True, check=False).returncode == 0

    def user_ids(self) -> str:
        done = subprocess.run(self._inside(["id", "-u"]), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def can_write(self, path: str) -> bool:
        return subprocess.run(self._inside(["touch", path]), capture_output=True, check=False).returncode == 0

    def stop(self) -> tuple[int, float]:
        """SIGTERM to the container's first process. Returns the exit code and the seconds that it took."""
        began = time.monotonic()
        subprocess.run(["kill", "-TERM", str(self._first_pid())], check=True)
        return self.process.wait(STOP_SECONDS), time.monotonic() - began

    def kill(self) -> None:
        """End it with all that it started: its processes have a namespace of their own."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(STOP_SECONDS)

    def _first_pid(self) -> int:
        return int(self._children()[0])

    def _children(self) -> list[str]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return path.read_text(encoding="ascii").split()

    def _inside(self, words: list[str]) -> list[str]:
        user, group = self.stage.user.split(":")
        enter = ["nsenter", "--target", str(self._first_pid()), "--mount", "--pid", "--root", "--setuid", user]
        clean = ["--setgid", group, "env", "-i", "-C", self.stage.directory, *_assignments(self.variables)]
        return [*enter, *clean, *words]


def start(stage: Stage, data: Path, variables: Mapping[str, str], command: list[str] | None = None) -> Container:
    """Run the image's ENTRYPOINT with its CMD, or with another command, over a volume of its own at /app/data."""
    words = json.loads(stage.last["ENTRYPOINT"]) + (command or json.loads(stage.last["CMD"]))
    data.mkdir(exist_ok=True)
    user, group = stage.user.split(":")
    subprocess.run(["chown", f"{user}:{group}", str(data)], check=True)
    script = MOUNTS.format(
        root=shlex.quote(str(stage.root)), data=shlex.quote(str(data)), user=stage.user, directory=stage.directory
    )
    every = {**stage.variables, **variables}
    isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", script, "sh"]
    log = (data.parent / f"{data.name}.log").open("ab")
    process = subprocess.Popen([*isolated, *_assignments(every), *words], stdout=log, stderr=subprocess.STDOUT)
    log.close()
    return Container(stage, process, every)


def fetched(url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def _assignments(variables: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in variables.items()]
