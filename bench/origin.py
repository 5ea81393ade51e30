"""The site that both sides download from: nginx where there is one, else `own_origin`. On 127.0.0.1 only."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bench import PROJECT, NotMeasured
from bench.media import Film

START_SECONDS = 10
STOP_SECONDS = 5
NGINX_PATHS = ("/usr/sbin/nginx", "/usr/local/sbin/nginx")
NGINX_CONFIGURATION = """
daemon off; master_process off; worker_processes 1;
pid {run}/nginx.pid; error_log {run}/nginx-error.log; {user}
events {{ worker_connections 512; }}
http {{
    access_log off; sendfile on; tcp_nopush on; types {{ video/mp4 mp4; }}
    client_body_temp_path {run}/body; proxy_temp_path {run}/proxy; fastcgi_temp_path {run}/fastcgi;
    uwsgi_temp_path {run}/uwsgi; scgi_temp_path {run}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location ~ "^/(?<rate>\\d+)/(?<film>[a-z]+)-[^/]+\\.mp4$" {{ limit_rate $rate; alias {media}/$film.mp4; }}
    }}
}}
"""


@dataclass(frozen=True)
class Origin:
    """A running origin."""

    program: str  # "nginx", or what stands in for it
    port: int
    _numbers: "count[int]"

    def url(self, film: Film, *, bytes_per_second: int = 0) -> str:
        """A link that was never given before; each connection to it gets that rate, 0 for as fast as it goes."""
        return f"http://127.0.0.1:{self.port}/{bytes_per_second}/{film.name}-{next(self._numbers)}.mp4"


@contextmanager
def running_origin(media: Path, run: Path) -> Iterator[Origin]:
    """An origin for the films in `media`; `run` takes its own files."""
    port = free_port()
    nginx = find_nginx()
    command = _nginx(nginx, media, run, port) if nginx else _own(media, port)
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL)
    try:
        _wait_until_open(process, port)
        yield Origin("nginx" if nginx else "bench.own_origin", port, count(1))
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def find_nginx() -> str | None:
    """nginx's path; system directories are not on every PATH."""
    return shutil.which("nginx") or next((path for path in NGINX_PATHS if os.access(path, os.X_OK)), None)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _nginx(nginx: str, media: Path, run: Path, port: int) -> Sequence[str]:
    user = "user root;" if os.geteuid() == 0 else ""  # its default user may not read the cache
    configuration = run / "nginx.conf"
    configuration.write_text(NGINX_CONFIGURATION.format(run=run, media=media, port=port, user=user))
    return [nginx, "-p", str(run), "-e", str(run / "nginx-error.log"), "-c", str(configuration)]


def _own(media: Path, port: int) -> Sequence[str]:
    return [sys.executable, "-m", "bench.own_origin", str(port), str(media)]


def _wait_until_open(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise NotMeasured("the origin did not start")
