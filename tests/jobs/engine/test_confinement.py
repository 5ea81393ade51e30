"""What a confined process can and cannot do, tried out in forked processes."""

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from jobs.engine import confinement, landlock
from jobs.engine.confinement import PIPE, Confinement, ConfinementError
from jobs.engine.egress import EgressDenied
from jobs.engine.inputs import FILE_INPUT, NETWORK_INPUT
from tests.jobs.engine.attempts import MIB, make_request
from tests.jobs.engine.children import Act, confined
from tests.jobs.engine.conftest import ForbiddenPort
from tests.origin import media
from tests.origin.server import Origin

pytestmark = pytest.mark.slow


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path


# --- programs ---


def test_the_tools_can_be_started(work_dir: Path) -> None:
    def act(_: Confinement) -> Any:
        return [
            subprocess.run([tool, "-version"], capture_output=True, check=True).stdout.decode().split()[0]
            for tool in (media.tools().ffmpeg, media.tools().ffprobe)
        ]

    assert confined(make_request("http://a/", work_dir), act) == ["ffmpeg", "ffprobe"]


def test_the_way_in_which_newer_pythons_start_programs_is_allowed_too(work_dir: Path) -> None:
    def act(_: Confinement) -> Any:
        program = str(media.tools().ffmpeg)
        return os.waitpid(os.posix_spawn(program, [program, "-version"], os.environ), 0)[1]

    assert confined(make_request("http://a/", work_dir), act) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["-i", "file:a.mp4", "file:b.mkv"],
        [*FILE_INPUT, "-i", "file:a.mp4", "-i", "file:a.jpg", "file:b.mkv"],
        ["-format_whitelist", "dash", "-i", "file:a.mp4", "file:b.mkv"],
        ["-show_streams", "file:a.mp4"],
    ],
)
def test_nothing_may_be_read_without_saying_what_it_may_be(arguments: list[str], work_dir: Path) -> None:
    tool = media.tools().ffprobe if "-show_streams" in arguments else media.tools().ffmpeg

    kinds = confined(make_request("http://a/", work_dir), lambda _: subprocess.run([tool, *arguments], check=True))

    assert ConfinementError.__name__ in kinds


@pytest.mark.parametrize(
    "act",
    [
        lambda _: subprocess.run(["/bin/true"], check=True),
        lambda _: subprocess.run(["true"], check=True),
        lambda _: subprocess.run("true", shell=True, check=True),
        lambda _: subprocess.run([sys.executable, "-c", ""], check=True),
        lambda _: subprocess.run(["./ffmpeg"], check=True),
        lambda _: subprocess.run([str(media.tools().ffmpeg)], executable="/bin/true", check=True),
        lambda _: os.system("true"),
        lambda _: os.execv("/bin/true", ["true"]),
        lambda _: os.posix_spawn("/bin/true", ["true"], {}),
        lambda _: os.spawnv(os.P_WAIT, "/bin/true", ["true"]),
        lambda _: os.fork(),
    ],
)
def test_nothing_else_can_be_started(act: Act, work_dir: Path) -> None:
    assert ConfinementError.__name__ in confined(make_request("http://a/", work_dir), act)


# --- files ---


@pytest.mark.parametrize(
    "act",
    [
        lambda _: Path("/tmp/escaped").write_text("x"),
        lambda _: Path("../escaped").write_text("x"),
        lambda _: Path("inside").rename("../escaped"),
        lambda _: Path("../victim").rename("inside"),
        lambda _: Path("../victim").unlink(),
        lambda _: Path("../escaped").mkdir(),
        lambda _: Path("..").joinpath("victims").rmdir(),
        lambda _: Path("link").symlink_to("/etc/passwd"),
        lambda _: Path("link").symlink_to("../victim"),
        lambda _: Path("link").symlink_to("inside"),
        lambda _: Path("sub").mkdir(),
        lambda _: os.link("../victim", "link"),
        lambda _: os.link("inside", "another"),
        lambda _: os.link("inside", "../escaped"),
        lambda _: Path("../victim").chmod(0o777),
        lambda _: os.truncate("../victim", 0),
        lambda _: os.utime("../victim"),
        lambda _: os.chown("../victim", 0, 0),
        lambda _: os.close(os.open("../victim", os.O_RDWR)),
        lambda _: Path("planted/escaped").write_text("x"),
        lambda _: __import__("sqlite3").connect("../escaped"),
    ],
)
def test_nothing_outside_the_work_directory_can_be_changed(act: Act, work_dir: Path) -> None:
    (work_dir / "inside").write_text("x")
    (work_dir / "planted").symlink_to(work_dir.parent)
    (work_dir.parent / "victim").write_text("untouched")
    (work_dir.parent / "victims").mkdir()

    kinds = confined(make_request("http://a/", work_dir), act)

    assert ConfinementError.__name__ in kinds
    assert (work_dir.parent / "victim").read_text() == "untouched"
    assert (work_dir.parent / "victim").stat().st_mode & 0o777 != 0o777
    assert sorted(path.name for path in work_dir.parent.iterdir()) == ["victim", "victims", "work"]


def test_the_work_directory_is_free_and_private(work_dir: Path) -> None:
    def act(_: Confinement) -> Any:
        Path("a").write_text("x")
        Path("a").rename("b")
        os.utime("b")
        with Path(os.devnull).open("w") as null:
            null.write("x")
        return [str(Path.cwd()), oct(Path("b").stat().st_mode & 0o777)]

    assert confined(make_request("http://a/", work_dir), act) == [str(work_dir), "0o600"]


def test_one_file_can_only_grow_so_far(work_dir: Path) -> None:
    def act(_: Confinement) -> Any:
        with Path("big").open("wb", buffering=0) as file:
            while file.write(bytes(MIB)) == MIB:
                pass
            with pytest.raises(OSError, match="File too large"):
                file.write(b"x")
        return Path("big").stat().st_size

    request = make_request("http://a/", work_dir, max_file_bytes=4 * MIB)

    assert confined(request, act) == confinement.largest_file_bytes(request.limits)


# --- sockets ---


def connect(target: Any, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> Act:
    def act(_: Confinement) -> Any:
        with socket.socket(family, kind) as connection:
            connection.connect(target)

    return act


def send_datagram(_: Confinement) -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.sendto(b"x", ("8.8.8.8", 53))


@pytest.mark.parametrize(
    "act",
    [
        connect(("127.0.0.1", 1)),
        connect(("localhost", 1)),
        connect(("", 1)),
        connect(("::1", 1), socket.AF_INET6),
        connect("/run/docker.sock", socket.AF_UNIX),
        connect(("8.8.8.8", 53), kind=socket.SOCK_DGRAM),
        send_datagram,
    ],
)
def test_python_sockets_obey_the_policy(act: Act, work_dir: Path) -> None:
    assert EgressDenied.__name__ in confined(make_request("http://a/", work_dir), act)


def test_libcurl_goes_through_the_proxy(origin: Origin, forbidden: ForbiddenPort, work_dir: Path) -> None:
    def act(walls: Confinement) -> Any:
        from curl_cffi import requests

        good = requests.get(origin.url("echo"), impersonate="chrome").status_code
        evil = requests.get(f"http://{forbidden.host}/", impersonate="chrome").status_code
        return [good, evil, walls.sockets.denials]

    answer = confined(make_request("http://a/", work_dir, allow=[origin.host]), act)

    assert answer == [200, 403, [forbidden.host.replace(":", " port ")]]
    assert not forbidden.was_connected_to()


def test_yt_dlps_impersonation_goes_through_the_proxy(origin: Origin, forbidden: ForbiddenPort, work_dir: Path) -> None:
    def act(walls: Confinement) -> Any:
        import yt_dlp
        from yt_dlp.networking import Request as WebRequest
        from yt_dlp.networking.impersonate import ImpersonateTarget

        with yt_dlp.YoutubeDL({"quiet": True, "proxy": ""}) as downloader:
            target = {"impersonate": ImpersonateTarget("chrome")}
            good = downloader.urlopen(WebRequest(origin.url("echo"), extensions=target)).status
            with pytest.raises(yt_dlp.networking.exceptions.HTTPError, match="403"):
                downloader.urlopen(WebRequest(f"http://{forbidden.host}/", extensions=target))
        return [good, len(walls.sockets.denials)]

    assert confined(make_request("http://a/", work_dir, allow=[origin.host]), act) == [200, 1]
    assert not forbidden.was_connected_to()


@pytest.mark.parametrize(
    "scheme", ["http", "https", "tcp", "TCP", "tls", "ftp", "rtmp", "udp", "crypto+tcp", "httpproxy", "async:tcp"]
)
def test_ffmpeg_reaches_no_forbidden_address(scheme: str, forbidden: ForbiddenPort, work_dir: Path) -> None:
    def act(_: Confinement) -> Any:
        url = f"{scheme}://{forbidden.host}/a.mp4"
        options = ["-nostdin", "-rw_timeout", "1000000", *NETWORK_INPUT]
        command = [media.tools().ffmpeg, *options, "-i", url, "-f", "null", "-"]
        return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode

    assert confined(make_request("http://a/", work_dir), act) != 0
    assert not forbidden.was_connected_to()


def test_ffmpeg_may_read_and_write_files_of_any_name(work_dir: Path) -> None:
    film = (media.directory() / "video.mp4").read_bytes()

    def act(_: Confinement) -> Any:
        Path("a:b.mp4").write_bytes(film)
        command = [
            media.tools().ffmpeg,
            "-v",
            "error",
            *FILE_INPUT,
            "-i",
            "file:a:b.mp4",
            "-metadata",
            "comment=tcp://a:1/",
        ]
        subprocess.run([*command, "-metadata", "title=x: tcp://", "-c", "copy", "file:c.mp4"], check=True)
        return Path("c.mp4").is_file()

    assert confined(make_request("http://a/", work_dir), act) is True


# --- the process ---


def test_the_environment_is_built(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://user:password@host/")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("PYTHONPATH", "/evil")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/certificates.pem")

    variables = confined(make_request("http://a/", work_dir), lambda _: dict(os.environ))

    proxies = {variables.pop(name) for name in ("http_proxy", "https_proxy", "all_proxy")}
    assert len(proxies) == 1
    assert variables == {
        "HOME": str(work_dir),
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "SSL_CERT_FILE": "/certificates.pem",
        "TMPDIR": str(work_dir),
        "YTDLP_NO_PLUGINS": "1",
    }


def test_no_descriptor_of_the_worker_is_open(work_dir: Path) -> None:
    def act(_: Confinement) -> Any:
        os.write(1, b"to the log")
        open_now = [Path(f"/proc/self/fd/{number}") for number in range(1024)]
        open_now = [path for path in open_now if path.is_symlink()]
        return [[str(path.readlink()) for path in open_now[:PIPE]], len(open_now), os.get_inheritable(PIPE)]

    with socket.create_server(("127.0.0.1", 0)):
        targets, number, is_inheritable = confined(make_request("http://a/", work_dir), act)

    log = str(work_dir / "child.log")
    assert targets == ["/dev/null", log, log]
    assert number == 5  # the three, the pipe, the proxy's listener
    assert not is_inheritable
    assert "to the log" in (work_dir / "child.log").read_text()


def test_limits_session_and_signals_are_its_own(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "is_used", lambda: False)  # it would forbid looking at oneself in /proc
    signal.signal(signal.SIGUSR1, lambda *_: None)

    def act(_: Confinement) -> Any:
        return {
            "core": resource.getrlimit(resource.RLIMIT_CORE),
            "address_space": resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY,
            "leads": os.getpid() == os.getsid(0) == os.getpgid(0),
            "usr1": signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL,
            "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            "oom": Path("/proc/self/oom_score_adj").read_text().strip(),
        }

    try:
        answer = confined(make_request("http://a/", work_dir), act)
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)

    assert answer == {
        "core": [0, 0],
        "address_space": True,
        "leads": True,
        "usr1": True,
        "blocked": [],
        "oom": "500",
    }


def test_a_child_whose_parent_is_gone_ends_at_once(work_dir: Path) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            confinement.enter(make_request("http://a/", work_dir), pipe=1, supervisor=1, on_stop=lambda: None)
        finally:
            os._exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


def test_threads_of_the_child_are_guarded_too(work_dir: Path) -> None:
    def act(walls: Confinement) -> Any:
        def escape() -> None:
            with pytest.raises(EgressDenied), socket.socket() as connection:
                connection.connect(("127.0.0.1", 1))

        thread = threading.Thread(target=escape)
        thread.start()
        thread.join()
        return walls.sockets.denials

    assert confined(make_request("http://a/", work_dir), act) == ["127.0.0.1 port 1"]
